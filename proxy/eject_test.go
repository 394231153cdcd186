package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lb/messages"
	"lb/proxy/upstream"
)

// crowd has the stage's worker route over so many backends, each of which serves a connection as told.
func (s *stage) crowd(size int, serve func(net.Conn)) {
	s.t.Helper()
	snapshot := &messages.Snapshot{Config: s.config}
	for range size {
		l := listen(s.t)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(c)
			}
		}()
		at := l.Addr().(*net.TCPAddr).AddrPort()
		b := messages.Backend{Host: "127.0.0.1", Port: at.Port(), Weight: 1}
		snapshot.Config.Backends = append(snapshot.Config.Backends, b)
		snapshot.Members = append(snapshot.Members, messages.Member{Backend: b, Addresses: []netip.AddrPort{at}})
	}
	s.on(func() { s.worker.Apply(snapshot) })
}

// poisoned resets the connection as soon as a request has come.
func poisoned(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = c.Read(make([]byte, 4<<10))
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// ejected is how many backends the worker passes over on its own evidence.
func (s *stage) ejected() (n int) {
	s.on(func() {
		for _, b := range s.worker.backends {
			if b.until != 0 {
				n++
			}
		}
	})
	return n
}

// A request that no backend can stand speaks against the first one that gets it, and not against those that get it after
// that one has failed. However many such requests come, half of the backends are not passed over.
func TestPoisonedRequestsLeaveHalfOfTheBackends(t *testing.T) {
	for _, c := range []struct{ of, out int }{{1, 0}, {2, 1}, {3, 1}, {4, 2}, {10, 5}} {
		t.Run(fmt.Sprint(c.of), func(t *testing.T) {
			var failures atomic.Int64
			report := func(o messages.Outcome) {
				if o.Failed() {
					failures.Add(1)
				}
			}
			s := newStage(t, Options{Report: report}, nil)
			s.crowd(c.of, poisoned)
			client := s.connect()
			for i := range int64(100) {
				client.say(get)
				if line := client.head(); !strings.HasPrefix(line, "HTTP/1.1 502 ") {
					t.Fatalf("answered with %s", line)
				}
				client.expect("502 connection_terminated: connection reset by peer\n")
				if n := failures.Load(); n != i+1 {
					t.Fatalf("%d failures are evidence after %d requests", n, i+1)
				}
			}
			if n := s.ejected(); n != c.out {
				t.Errorf("%d of %d backends are passed over, want %d", n, c.of, c.out)
			}
		})
	}
}

// A backend that refuses between two that fail at a request is to blame for that, and does not make the request innocent.
func TestWhoIsToBlame(t *testing.T) {
	s := newStage(t, Options{}, nil)
	s.crowd(3, poisoned)
	s.on(func() {
		x := &exchange{worker: s.worker}
		for i, c := range []struct {
			upstream.Failure
			failures int
		}{
			{upstream.Failure{Reason: messages.ConnectionTerminated, Sent: true}, 1},
			{upstream.Failure{Reason: messages.ConnectionRefused}, 1},
			{upstream.Failure{Reason: messages.ConnectionTerminated, Sent: true}, 0},
		} {
			x.backend = s.worker.ejection.order[i]
			x.blame(&c.Failure)
			if n := x.backend.failures; n != c.failures {
				t.Errorf("%v of backend %d: %d failures speak against it, want %d", c.Reason, i+1, n, c.failures)
			}
		}
	})
}

// A request that two backends were too late with is not sent to a third.
func TestRequestWaitsForTwoBackendsAtMost(t *testing.T) {
	s := newStage(t, Options{}, func(c *messages.Config) { c.Timeouts.Response = 20 * time.Millisecond })
	s.crowd(5, func(c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(patience))
		for {
			if _, err := c.Read(make([]byte, 4<<10)); err != nil {
				_ = c.Close()
				return
			}
		}
	})
	client := s.connect()
	client.say(get)
	if line := client.head(); !strings.HasPrefix(line, "HTTP/1.1 504 ") {
		t.Errorf("answered with %s", line)
	}
	if n := s.stats().Retries; n != 1 {
		t.Errorf("%d more backends were asked, want 1", n)
	}
}
