package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// more is more than the kernel takes for a peer that does not read.
var more = strings.Repeat("0123456789abcdef", 1<<20)

// pair connects a reader to a peer that the test plays.
func (s *site) pair() (*reader, *net.TCPConn) {
	s.t.Helper()
	r := newReader()
	return r, s.pairOf(r, r)
}

// pairOf is pair with a user around the reader.
func (s *site) pairOf(r *reader, u User) *net.TCPConn {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s.on(func() { r.conn, err = s.Dial(l.Addr().(*net.TCPAddr).AddrPort(), u) })
	if err != nil {
		s.t.Fatal(err)
	}
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	peer, err := l.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	_ = peer.SetDeadline(time.Now().Add(patience))
	await(s.t, r.connected)
	s.t.Cleanup(func() {
		s.close(r)
		_ = peer.Close()
	})
	return peer.(*net.TCPConn)
}

// until waits for a condition that the loop's thread sees.
func (s *site) until(condition func() bool) {
	s.t.Helper()
	for deadline, met := time.Now().Add(patience), false; !met; {
		if time.Now().After(deadline) {
			s.t.Fatal("waited in vain")
		}
		s.on(func() { met = condition() })
		runtime.Gosched()
	}
}

func readFull(t *testing.T, peer io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(peer, got); err != nil || string(got) != want {
		t.Fatalf("the peer read %d of %d bytes: %v; equal: %v", n, len(want), err, string(got) == want)
	}
}

func readEnd(t *testing.T, peer io.Reader) {
	t.Helper()
	if n, err := peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("the peer read %d bytes, %v, want the end", n, err)
	}
}

func TestQueueKeepsOrderAndFlushedComesAtItsEnd(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	for _, text := range []string{more, "and ", "more"} {
		if err := s.send(r, text); err != nil {
			t.Fatal(err)
		}
	}
	s.on(func() {
		if r.conn.Pending() < len("and more") || len(r.flushed) > 0 {
			t.Errorf("%d bytes pending, flushed %d times before the peer read", r.conn.Pending(), len(r.flushed))
		}
	})
	readFull(t, peer, more+"and more")
	await(t, r.flushed)
	s.on(func() {
		if r.conn.Pending() != 0 || r.conn.out != nil {
			t.Errorf("%d bytes pending after Flushed", r.conn.Pending())
		}
	})
	if len(r.flushed) > 0 {
		t.Error("flushed twice")
	}
}

func TestShutdownWaitsForTheQueueAndLeavesTheOtherDirection(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	if err := s.send(r, more); err != nil {
		t.Fatal(err)
	}
	s.on(func() { r.conn.Shutdown() })
	readFull(t, peer, more)
	readEnd(t, peer)
	if _, err := peer.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	r.expect(t, "late")
}

func TestCloseSentClosesAfterTheQueue(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	if err := s.send(r, more); err != nil {
		t.Fatal(err)
	}
	s.on(func() { r.conn.CloseSent(s.Loop.Now() + int64(patience)) })
	readFull(t, peer, more)
	readEnd(t, peer)
	s.until(func() bool { return r.conn.Closed() })
	if len(r.flushed) > 0 || len(r.broken) > 0 {
		t.Error("the user was called after CloseSent")
	}
}

func TestCloseSentClosesAtTheLatest(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	if err := s.send(r, more); err != nil {
		t.Fatal(err)
	}
	s.on(func() { r.conn.CloseSent(s.Loop.Now() + 1) })
	s.until(func() bool { return r.conn.Closed() })
	if n, err := io.Copy(io.Discard, peer); n >= int64(len(more)) || err != nil {
		t.Errorf("the peer got %d of %d bytes, %v", n, len(more), err)
	}
}

// timed is a reader that is told when it is late.
type timed struct {
	*reader
	late chan struct{}
	then func()
}

func newTimed() timed { return timed{reader: newReader(), late: make(chan struct{}, 8)} }

func (u timed) Late() {
	u.late <- struct{}{}
	if u.then != nil {
		u.then()
	}
}

func TestDeadlineMovesBothWays(t *testing.T) {
	s := newSite(t)
	moved, mark := newTimed(), newTimed()
	s.pairOf(moved.reader, moved)
	s.pairOf(mark.reader, mark)
	s.on(func() {
		now := s.Loop.Now()
		moved.conn.Deadline(now + 1)
		moved.conn.Deadline(now + int64(time.Hour))
		mark.conn.Deadline(now + int64(50*time.Millisecond))
	})
	await(t, mark.late) // by now, the earlier deadline of the other has passed
	if len(moved.late) > 0 {
		t.Error("late at a deadline that was moved away")
	}
	s.on(func() { moved.conn.Deadline(s.Loop.Now() + 1) })
	await(t, moved.late)
	s.on(func() {
		now := s.Loop.Now()
		moved.conn.Deadline(now + 1)
		moved.conn.Deadline(0)
		mark.conn.Deadline(now + int64(50*time.Millisecond))
	})
	await(t, mark.late)
	if len(moved.late) > 0 {
		t.Error("late without a deadline")
	}
}

func TestNoDeadlineOutlivesItsConnection(t *testing.T) {
	s := newSite(t)
	u := newTimed()
	u.then = func() {
		u.conn.Deadline(s.Loop.Now() + int64(time.Hour))
		u.conn.Close()
		u.conn.Deadline(s.Loop.Now() + int64(time.Hour))
	}
	s.pairOf(u.reader, u)
	s.on(func() {
		u.conn.deadline = 1
		if next := u.conn.Expired(s.Loop.Now()); next != 0 || len(u.late) != 1 {
			t.Errorf("the timer of a closed connection is to expire at %d", next)
		}
	})
}

// An end that is read is one only if no send has failed: the send takes the socket's error with it.
func TestEndAfterAFailedSendIsNone(t *testing.T) {
	for _, reset := range []bool{false, true} {
		s := newSite(t)
		r, peer := s.pair()
		s.on(func() { r.idle = true })
		if _, err := peer.Write([]byte("whole")); err != nil {
			t.Fatal(err)
		}
		want := error(io.EOF)
		if reset {
			want = unix.ECONNRESET
			_ = peer.SetLinger(0)
		}
		_ = peer.Close()
		if reset {
			await(t, r.broken)
			for range 2 { // the first takes the error, the second meets a closed connection
				if err := s.send(r, "in vain"); err == nil {
					t.Fatal("a send on a reset connection succeeds")
				}
			}
		}
		s.on(func() {
			r.idle = false
			r.conn.Reread()
		})
		r.expect(t, "whole")
		if err := await(t, r.ended); !errors.Is(err, want) {
			t.Errorf("reset %v: the end is %v, want %v", reset, err, want)
		}
	}
}

// Whoever might use the connection again has to see at once that it is of no use.
func TestFailedSendHangsUp(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	_ = peer.SetLinger(0)
	s.on(func() { // so that no event comes in between
		_ = peer.Close()
		g := Gather{Buf: []byte("in vain")}
		if err := r.conn.Send(&g); err == nil {
			t.Error("a send on a reset connection succeeds")
		}
		if !r.conn.HungUp() || !r.conn.CanRead() || !g.Empty() {
			t.Errorf("hung up %v, can read %v, empty %v", r.conn.HungUp(), r.conn.CanRead(), g.Empty())
		}
	})
}

// A descriptor belongs to another connection as soon as it is closed.
func TestClosedConnectionTouchesNoDescriptor(t *testing.T) {
	s := newSite(t)
	r, _ := s.pair()
	s.close(r)
	other, peer := s.pair()
	s.on(func() {
		r.conn.fd = other.conn.fd // as the kernel would have it, were no other opened meanwhile
		r.conn.Shutdown()
		if err := r.conn.Send(&Gather{Buf: []byte("stray")}); err == nil {
			t.Error("a closed connection sends")
		}
	})
	if err := s.send(other, "own"); err != nil {
		t.Fatal(err)
	}
	readFull(t, peer, "own")
}

func TestSendLastLeavesWithTheEnd(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	s.on(func() {
		if err := r.conn.SendLast(&Gather{Buf: []byte("last")}); err != nil {
			t.Error(err)
		}
		r.conn.Shutdown()
	})
	readFull(t, peer, "last")
	readEnd(t, peer)
}

func TestAbortIsAReset(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	s.on(func() { r.conn.Abort() })
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the peer reads %v, want a reset", err)
	}
}

func TestDialRefusedIsBroken(t *testing.T) {
	s := newSite(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	r := newReader()
	s.on(func() { r.conn, err = s.Dial(l.Addr().(*net.TCPAddr).AddrPort(), r) })
	if err != nil {
		t.Fatal(err)
	}
	if err := await(t, r.broken); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("broken by %v, want a refusal", err)
	}
	s.close(r)
}

func TestSilentSeesBytesEndAndReset(t *testing.T) {
	for name, act := range map[string]func(*net.TCPConn){
		"":      nil,
		"bytes": func(p *net.TCPConn) { _, _ = p.Write([]byte("x")) },
		"end":   func(p *net.TCPConn) { _ = p.CloseWrite() },
		"reset": func(p *net.TCPConn) { _ = p.SetLinger(0); _ = p.Close() },
	} {
		s := newSite(t)
		r, peer := s.pair()
		s.on(func() {
			if act != nil {
				act(peer)
			}
			if got := r.conn.Silent(); got != (act == nil) {
				t.Errorf("silent after %q: %v", name, got)
			}
		})
	}
}

// What one read leaves in the kernel is no new event: the connection has to know that there is more.
func TestReadTellsWhetherItDrained(t *testing.T) {
	s := newSite(t)
	r, peer := s.pair()
	s.on(func() {
		r.idle = true
		if _, err := peer.Write(bytes.Repeat([]byte("x"), 100)); err != nil {
			t.Error(err)
		}
	})
	await(t, r.readable)
	s.on(func() {
		b := make([]byte, 60)
		if n, err := r.conn.Read(b); n != 60 || err != nil || !r.conn.CanRead() || !r.conn.Full() {
			t.Errorf("read %d, %v; can read %v, full %v", n, err, r.conn.CanRead(), r.conn.Full())
		}
		if n, err := r.conn.Read(b); n != 40 || err != nil || r.conn.CanRead() || r.conn.Full() {
			t.Errorf("read %d, %v; can read %v, full %v", n, err, r.conn.CanRead(), r.conn.Full())
		}
		if n, err := r.conn.Read(b); n != 0 || err != ErrNotNow {
			t.Errorf("read %d, %v of nothing", n, err)
		}
	})
}
