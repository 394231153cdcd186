package transport

import (
	"net"
	"strings"
	"testing"
	"time"
)

// postOn posts a text, on the loop's thread.
func postOn(t *testing.T, r *reader, text string) {
	t.Helper()
	g := &Gather{Buf: []byte(text)}
	if err := r.conn.Post(g); err != nil {
		t.Errorf("Post: %v", err)
	}
	if !g.Empty() {
		t.Error("Post leaves the pieces where they were")
	}
}

func (r *reader) sendNow(t *testing.T, text string) {
	t.Helper()
	if err := r.conn.Send(&Gather{Buf: []byte(text)}); err != nil {
		t.Errorf("Send: %v", err)
	}
}

// silent reports whether the peer has nothing to read.
func silent(peer *net.TCPConn) bool {
	defer func() { _ = peer.SetReadDeadline(time.Now().Add(patience)) }()
	_ = peer.SetReadDeadline(time.Now().Add(-1))
	n, _ := peer.Read(make([]byte, 1))
	return n == 0
}

func TestPostedBytesLeaveAtTheEndOfTheRound(t *testing.T) {
	s := newSite(t)
	a, peerA := s.pair()
	b, peerB := s.pair()
	s.on(func() {
		postOn(t, a, "one ")
		postOn(t, b, "other")
		postOn(t, a, "two")
		if !silent(peerA) || !silent(peerB) || !a.conn.Unsent() || a.conn.Pending() != 0 {
			t.Error("something of it has left before the end of the round, or is thought to wait for the peer")
		}
	})
	readFull(t, peerA, "one two")
	readFull(t, peerB, "other")
	s.on(func() {
		if a.conn.Unsent() || a.conn.Failed() {
			t.Error("what has left counts as unsent")
		}
	})
}

func TestOrderOfWhatIsPostedAndSent(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	large := strings.Repeat("x", postBelow)
	s.on(func() {
		postOn(t, r, "a")
		r.sendNow(t, "b")
		postOn(t, r, "c")
		postOn(t, r, large)
		postOn(t, r, "d")
		r.conn.Shutdown()
	})
	readFull(t, peer, "abc"+large+"d")
	readEnd(t, peer)
}

func TestManyPostsLeaveBeforeTheEnd(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	other, _ := s.pair()
	s.on(func() {
		postOn(t, r, "first")
		for range maxPosts - 1 {
			postOn(t, other, "x")
		}
		readFull(t, peer, "first")
		if len(s.outbox.posts) > 0 || len(s.outbox.bytes) > 0 {
			t.Errorf("%d posts are kept", len(s.outbox.posts))
		}
	})
}

func TestSmallPiecesDoNotWaitBehindLargeOnes(t *testing.T) {
	s := newSite(t)
	small, peer := s.pair()
	large, _ := s.pair()
	s.on(func() {
		postOn(t, small, "first")
		postOn(t, large, strings.Repeat("x", postBelow))
		readFull(t, peer, "first")
	})
}

func TestCloseSendsWhatIsPosted(t *testing.T) {
	for name, end := range map[string]func(*Conn){"Close": (*Conn).Close, "Shutdown": (*Conn).Shutdown} {
		s := newSite(t)
		r, peer := s.pair()
		s.on(func() {
			postOn(t, r, name)
			end(r.conn)
		})
		readFull(t, peer, name)
		readEnd(t, peer)
	}
}

func TestMovableConnectionHasNothingPosted(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	fd := -1
	s.on(func() {
		postOn(t, r, "answer")
		if !r.conn.Movable() {
			t.Error("what is posted keeps it from moving")
		}
		fd = r.conn.Release()
	})
	readFull(t, peer, "answer")
	Discard(fd)
}

func TestWithdrawnBytesNeverLeave(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	other, peerOfOther := s.pair()
	s.on(func() {
		postOn(t, other, "be")
		postOn(t, r, "withdrawn")
		postOn(t, other, "fore")
		r.conn.Withdraw()
		if !r.conn.Unsent() {
			t.Error("withdrawn bytes count as sent")
		}
		if err := r.conn.Post(&Gather{Buf: []byte("behind a hole")}); err == nil {
			t.Error("what comes behind a hole is taken")
		}
		r.conn.Close()
	})
	readEnd(t, peer)
	readFull(t, peerOfOther, "before")
}

// What the kernel does not take is queued and goes on as anything that was sent.
func TestPostedBytesOfASlowPeerAreQueued(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	sent := 0
	s.on(func() {
		piece := strings.Repeat("0123456789abcdef", postBelow/16-1)
		for r.conn.Pending() == 0 {
			postOn(t, r, piece)
			postOn(t, r, "-")
			sent += len(piece) + 1
			r.conn.Deliver()
		}
		if r.conn.Failed() || r.conn.Unsent() {
			t.Error("a full kernel counts as a failure")
		}
		postOn(t, r, "the end")
	})
	buffer := make([]byte, sent)
	if n, err := readAll(peer, buffer); n != sent || err != nil {
		t.Fatalf("the peer read %d of %d bytes: %v", n, sent, err)
	}
	readFull(t, peer, "the end")
	await(t, r.flushed)
}

func readAll(peer *net.TCPConn, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = peer.Read(b[n:])
		n += m
	}
	return n, err
}

// The peer has reset the connection, which the loop does not know when the bytes are posted.
func TestPostOnADeadConnection(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	s.on(func() {
		_ = peer.SetLinger(0)
		_ = peer.Close()
		postOn(t, r, "lost")
		r.conn.Deliver()
		if !r.conn.Unsent() || !r.conn.Failed() {
			t.Errorf("unsent %v, failed %v: not a byte of it has left", r.conn.Unsent(), r.conn.Failed())
		}
	})
	if err := await(t, r.broken); err != nil {
		t.Errorf("the user hears of %v, though there may be something left to read", err)
	}
}

// Of two posts of a round the first has left: that the second did not is no reason to send both again.
func TestUnsentMeansToTheFirstByte(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	s.on(func() {
		r.conn.depart([]byte("a part"))
		_ = peer.SetLinger(0)
		_ = peer.Close()
		r.conn.depart([]byte("the rest"))
		if r.conn.Unsent() || !r.conn.Failed() {
			t.Errorf("unsent %v, failed %v", r.conn.Unsent(), r.conn.Failed())
		}
	})
	await(t, r.broken)
}
