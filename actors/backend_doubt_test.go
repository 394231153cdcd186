package actors

import (
	"fmt"
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

// Their evidence may arrive in any order: no more than half of the backends go down, whatever their number.
func TestRequestsThatFailEverywhereAtOnceSpareHalfOfTheBackends(t *testing.T) {
	for _, c := range []struct{ of, up int }{{1, 1}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {10, 5}} {
		var ids []string
		for i := range c.of {
			ids = append(ids, fmt.Sprintf("127.0.0.1:%d", 9001+i))
		}
		play(t, config(t, ids...), func(s *stage) {
			s.pass(3 * time.Second)
			for range 4 {
				for _, id := range ids {
					s.system.Root.Send(s.backends, messages.Outcome{
						Backend: id, Reason: messages.ConnectionTerminated, Began: time.Now(),
					})
				}
			}
			s.pass(0)
			if up := strings.Count(strings.Join(s.picture(), "\n"), " up"); up != c.up {
				t.Errorf("%d of %d backends are up, want %d: %q", up, c.of, c.up, s.picture())
			}
		})
	}
}

// What probes have taken down, or confirm, does not count: of the others requests may take half down again.
func TestRequestsTakeDownHalfOfWhatProbesLeave(t *testing.T) {
	play(t, config(t, one, two, three, four), func(s *stage) {
		reset := func(id string) {
			s.outcomes(id, messages.ConnectionTerminated, messages.ConnectionTerminated, messages.ConnectionTerminated)
		}
		s.pass(3 * time.Second)
		reset(one)
		reset(two)
		reset(three)
		s.want(one+" down", two+" down", three+" up", four+" up")
		s.fail(one, messages.ConnectionRefused)
		s.fail(two, messages.ConnectionRefused)
		s.pass(5 * time.Second)
		reset(three)
		reset(four)
		s.want(one+" down", two+" down", three+" down", four+" up")
	})
}

// Those that are really gone go down as soon as a probe has seen it, however many they are.
func TestAllBackendsThatAreGoneGoDownAtOnce(t *testing.T) {
	play(t, config(t, one, two, three, four), func(s *stage) {
		s.pass(3 * time.Second)
		for _, id := range []string{one, two, three} {
			s.fail(id, messages.ConnectionRefused)
			s.outcomes(id, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
		}
		s.want(one+" down", two+" down", three+" down", four+" up")
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
