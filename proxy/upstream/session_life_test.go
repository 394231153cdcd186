package upstream_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"lb/proxy/semantics"
)

const pingFrame, ack = 6, 1

// newSilentStage is a stage whose backend is asked after so long a silence.
func newSilentStage(t *testing.T, silence time.Duration) *stage {
	t.Parallel()
	s := newH2Stage(t, nil)
	s.on(func() { s.pool.Silence = silence })
	return s
}

// pinged reads up to a PING that asks.
func (p peer) pinged() {
	p.t.Helper()
	if f := p.next(pingFrame); f.flags != 0 || f.id != 0 || len(f.payload) != 8 {
		p.t.Fatalf("PING %+v", f)
	}
}

// A backend that is gone without a word takes its streams along, in time, and gets none in the meantime.
func TestSilentSessionIsGivenUp(t *testing.T) {
	const silence = 100 * time.Millisecond
	s := newSilentStage(t, silence)
	began := time.Now()
	p, all := s.connected(2)
	p.frame(headersFrame, endHeaders, 3, status200)
	all[1].expect("response 200")
	p.pinged()
	s.eventually(func() bool {
		fresh := s.begin()
		ready := fresh.attempt.Ready()
		s.on(fresh.attempt.Cancel)
		return !ready
	})
	all[1].expect("failed connection_read_timeout sent answered")
	all[0].expect("failed connection_read_timeout sent")
	if took := time.Since(began); took < 3*silence {
		t.Errorf("given up after %v, want not before %v", took, 3*silence)
	}
}

// Whatever comes is a sign of life, also from a backend that answers no PING.
func TestWhoeverSpeaksLives(t *testing.T) {
	const silence = 500 * time.Millisecond
	s := newSilentStage(t, silence)
	p, all := s.connected(1)
	p.frame(headersFrame, endHeaders, 1, status200)
	all[0].expect("response 200")
	for range 3 {
		p.pinged()
		p.frame(dataFrame, 0, 1, "x")
		all[0].expect("data x")
	}
	p.frame(dataFrame, endStream, 1, "")
	all[0].expect("end")
	s.untilOpen(1)
}

// Who has nothing to say but that it lives is asked more and more seldom, and at once when something is begun.
func TestSilenceOfALivingBackendIsBorne(t *testing.T) {
	const silence = 500 * time.Millisecond
	s := newSilentStage(t, silence)
	p, all := s.connected(1)
	p.pinged()
	answered := time.Now()
	p.frame(pingFrame, ack, 0, "\x00\x00\x00\x00\x00\x00\x00\x00")
	p.pinged()
	if first := time.Since(answered); first < silence {
		t.Errorf("asked again after %v", first)
	}
	answered = time.Now()
	p.frame(pingFrame, ack, 0, "\x00\x00\x00\x00\x00\x00\x00\x00")
	p.pinged()
	if second := time.Since(answered); second < 3*silence {
		t.Errorf("asked for the third time after %v, want %v", second, 4*silence)
	}
	p.frame(pingFrame, ack, 0, "\x00\x00\x00\x00\x00\x00\x00\x00")
	answered = time.Now()
	x := s.begin()
	x.send("GET")
	p.pinged()
	if third := time.Since(answered); third > 12*silence {
		t.Errorf("asked %v after a request, want %v", third, silence)
	}
	p.frame(headersFrame, endHeaders|endStream, 3, status200)
	x.expect("response 200", "end")
	p.frame(headersFrame, endHeaders|endStream, 1, status200)
	all[0].expect("response 200", "end")
}

// A session that carries nothing is not asked; the first request that comes after a long silence is what asks.
func TestIdleSessionIsAskedByItsNextRequest(t *testing.T) {
	const silence = 500 * time.Millisecond
	s := newSilentStage(t, silence)
	p, all := s.connected(1)
	p.frame(headersFrame, endHeaders|endStream, 1, status200)
	all[0].expect("response 200", "end")
	var idleSince, now int64
	s.on(func() { idleSince = s.loop.Now() })
	s.eventually(func() bool {
		s.on(func() { now = s.loop.Now() })
		return now-idleSince > 2*int64(silence)
	})
	_ = p.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, err := p.conn.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Fatal("an idle session says something")
	}
	x := s.begin()
	began := time.Now()
	x.send("GET")
	p.pinged()
	if took := time.Since(began); took >= silence {
		t.Errorf("asked %v after the request", took)
	}
	p.frame(headersFrame, endHeaders|endStream, 3, status200)
	x.expect("response 200", "end")
}

// A session on which all streams were given up is not kept when its backend may be gone.
func TestIdleSessionOfASilentBackendIsNotKept(t *testing.T) {
	s := newSilentStage(t, 50*time.Millisecond)
	p, all := s.connected(1)
	p.pinged()
	s.on(all[0].attempt.Cancel)
	s.untilOpen(0)
}

// Nothing is asked, for nothing can be sent, while the kernel takes no bytes: that has its own limit.
func TestStalledSessionHasItsOwnLimit(t *testing.T) {
	s := newSilentStage(t, 50*time.Millisecond)
	s.on(func() { s.config.Timeouts.Body = 400 * time.Millisecond })
	x := s.begin()
	p := s.accept().greet()
	p.frame(windowFrame, 0, 0, "\x70\x00\x00\x00")
	p.frame(settingsFrame, 0, 0, "\x00\x04\x7f\xff\xff\xff")
	x.expect("connected")
	const size = 64 << 20
	s.on(func() {
		x.attempt.Request(&semantics.Request{Method: []byte("POST"), Length: size}, []byte("/"))
		x.attempt.Flush()
	})
	p.next(headersFrame)
	s.on(func() {
		for range size >> 20 {
			x.attempt.Data([]byte(strings.Repeat("x", 1<<20)))
		}
		x.attempt.Flush()
	})
	x.expect("failed connection_write_timeout sent")
}

// eventually waits for a condition.
func (s *stage) eventually(condition func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); {
		if runtime.Gosched(); time.Now().After(deadline) {
			s.t.Fatal("waited in vain")
		}
	}
}
