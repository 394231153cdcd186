package actors

import (
	"strings"
	"testing"
	"time"

	"lb/messages"
)

// One URL that no backend can stand must not leave the others without a backend.
func TestRequestsDoNotTakeTheLastBackendDown(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		s.pass(3 * time.Second)
		for range 10 {
			for _, id := range []string{one, two} {
				s.outcomes(id, messages.ConnectionTerminated, messages.HTTPResponseTimeout, messages.HTTPProtocolError)
			}
		}
		s.want(one+" down", two+" up")
		if strings.Contains(s.lines(), two) {
			t.Errorf("the log tells of %s:\n%s", two, s.lines())
		}
	})
}

// Their evidence may arrive in any order: one of them stays.
func TestRequestsThatFailEverywhereAtOnceSpareOneBackend(t *testing.T) {
	play(t, config(t, one, two, three), func(s *stage) {
		s.pass(3 * time.Second)
		for range 3 {
			for _, id := range []string{one, two, three} {
				s.system.Root.Send(s.backends, messages.Outcome{
					Backend: id, Reason: messages.ConnectionTerminated, Began: time.Now(),
				})
			}
		}
		s.pass(0)
		if up := strings.Count(strings.Join(s.picture(), "\n"), " up"); up != 1 {
			t.Errorf("%d backends are up, want 1: %q", up, s.picture())
		}
	})
}

// A drained backend and one without an address are of no help.
func TestLastBackendIsTheLastThatGetsRequests(t *testing.T) {
	play(t, config(t, one, two, "nowhere:80"), func(s *stage) {
		_ = s.order(messages.DrainBackend{ID: two})
		s.pass(3 * time.Second)
		s.outcomes(one, messages.ConnectionTerminated, messages.ConnectionTerminated, messages.ConnectionTerminated)
		s.want(one+" up", two+" draining", "nowhere:80 down []")
	})
}

func TestProbeDecidesOnTheLastBackend(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		fail := func() {
			s.outcomes(one, messages.ConnectionTerminated, messages.ConnectionTerminated, messages.ConnectionTerminated)
		}
		s.pass(3 * time.Second)
		before := s.probed(one)
		fail()
		if n := s.probed(one) - before; n != 1 {
			t.Errorf("%d probes at once, want 1", n)
		}
		s.outcomes(one, messages.ConnectionTerminated, messages.ConnectionTerminated) // a new row: the probe has passed
		s.want(one + " up")

		for range 1000 { // a probe for each row would be a flood
			fail()
		}
		if n := s.probed(one) - before; n != 1 {
			t.Errorf("%d probes within a moment, want 1", n)
		}
		s.pass(time.Second)
		if n := s.probed(one) - before; n != 2 {
			t.Errorf("%d probes after a second, want 2", n)
		}

		s.pass(1500 * time.Millisecond)
		s.fail(one, messages.ConnectionRefused)
		fail()
		s.want(one + " down")
		reason := `"reason":"failures in a row: 3, the last: probe connection_refused"`
		if strings.Count(s.lines(), reason) != 1 {
			t.Errorf("the log has no single line with %s:\n%s", reason, s.lines())
		}
	})
}

// What was doubted and is not the last one any more goes down by requests again.
func TestDoubtEndsWithItsProbe(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		s.pass(3 * time.Second)
		s.outcomes(one, messages.ConnectionTerminated, messages.ConnectionTerminated, messages.ConnectionTerminated)
		s.want(one + " up")
		s.reload(one, two)
		s.outcomes(one, messages.ConnectionTerminated, messages.ConnectionTerminated, messages.ConnectionTerminated)
		s.want(one+" down", two+" up")
	})
}
