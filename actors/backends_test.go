package actors

import (
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
)

const (
	one   = "127.0.0.1:9001"
	two   = "127.0.0.1:9002"
	three = "127.0.0.1:9003"
	four  = "127.0.0.1:9004"
)

func TestBackendsAreUpUntilSomethingSpeaksAgainstThem(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		s.want(one+" up", two+" up")
		if s.published() != 1 {
			t.Errorf("%d snapshots at the start, want 1", s.published())
		}
	})
}

func TestProbesTakeABackendDownAndBringItBack(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		s.pass(time.Second)
		s.fail(one, messages.ConnectionRefused)
		s.pass(5500*time.Millisecond + 5500*time.Millisecond)
		s.want(one+" up", two+" up")
		s.pass(5500 * time.Millisecond)
		s.want(one+" down", two+" up")
		s.cure(one)
		s.pass(2 * 5500 * time.Millisecond)
		s.want(one+" up", two+" up")
		if s.published() != 3 {
			t.Errorf("%d snapshots for two changes, want 3", s.published())
		}
		for _, reason := range []string{
			`"from":"up","to":"down","reason":"failures in a row: 3, the last: probe connection_refused"`,
			`"from":"down","to":"up","reason":"successes in a row: 2, the last: probe status 200"`,
		} {
			if strings.Count(s.lines(), reason) != 1 {
				t.Errorf("the log has no single line with %s:\n%s", reason, s.lines())
			}
		}
	})
}

func TestBackendThatWasNeverReachableIsDownAtOnce(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		s.fail(one, messages.ConnectionRefused)
		s.fail(two, messages.ConnectionRefused)
		s.reload(one, two)
		s.pass(50 * time.Millisecond)
		s.want(one+" up", two+" down")
		if reason := `"reason":"no success yet: probe connection_refused"`; strings.Count(s.lines(), reason) != 1 {
			t.Errorf("the log has no single line with %s:\n%s", reason, s.lines())
		}
		s.pass(6 * time.Second) // one that stays through a reload is not new
		s.want(one+" up", two+" down")
		s.cure(one)
		s.cure(two)
		s.pass(2 * 5500 * time.Millisecond)
		s.want(one+" up", two+" up")
	})
}

func TestBackendThatIsDownIsProbedSooner(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		s.pass(100 * time.Millisecond)
		s.outcomes(one, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
		s.want(one+" down", two+" up")
		s.pass(2100 * time.Millisecond)
		s.want(one+" up", two+" up")
	})
}

func TestOutcomesOfWorkersCount(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		s.pass(time.Second)
		s.fail(one, messages.ConnectionTerminated)
		s.outcomes(one, messages.ConnectionTerminated, messages.ConnectionTerminated, messages.NoReason)
		s.outcomes(one, messages.ClientClosed, messages.ClientTimeout, messages.HTTPRequestError, messages.ConnectionReadTimeout)
		s.outcomes(one, messages.ConnectionTerminated, messages.ConnectionTerminated)
		s.want(one+" up", two+" up")
		s.outcomes(one, messages.ConnectionTerminated)
		s.want(one+" down", two+" up")
		s.outcomes("127.0.0.1:1", messages.ConnectionTerminated) // of a backend that has gone
		s.want(one+" down", two+" up")
	})
}

func TestWithoutProbesNothingIsEjected(t *testing.T) {
	c := config(t, one)
	c.Health.Type = messages.HealthOff
	play(t, c, func(s *stage) {
		for range 20 {
			s.outcomes(one, messages.ConnectionRefused)
		}
		s.pass(time.Hour)
		s.want(one + " up")
		if s.probed(one) != 0 {
			t.Errorf("probed %d times", s.probed(one))
		}
	})
}

func TestReloadKeepsHealthThroughReorderAndWeight(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		s.fail(one, messages.ConnectionRefused)
		s.outcomes(one, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
		before := s.probed(two)
		s.reload(two+",weight=3", three, one+",weight=2")
		s.want(two+",weight=3 up", three+" up", one+",weight=2 down")
		if s.probed(two) != before {
			t.Error("a reload set off a probe of a backend that stayed")
		}
		s.reload(one)
		s.want(one + " down")
		if s.restarts("backends/backend/"+two) >= 0 {
			t.Error("the actor of a removed backend is still there")
		}
	})
}

func TestReloadIsOneSnapshot(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		before := s.published()
		s.reload(one, two, three)
		if n := s.published() - before; n != 1 {
			t.Errorf("%d snapshots, want 1", n)
		}
	})
}

func TestBackendRemovedAndAddedAtOnceIsNew(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		s.fail(one, messages.ConnectionRefused)
		s.outcomes(one, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
		s.config.Backends = parsed(t, two)
		s.system.Root.Send(s.backends, messages.ConfigChanged{Config: s.config})
		s.cure(one)
		s.reload(one, two)
		s.want(one+" up", two+" up")
		s.pass(time.Second)
		s.outcomes(one, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
		s.want(one+" down", two+" up")
	})
}

func TestRulesChangeWhileTheyHold(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		s.fail(one, messages.ConnectionRefused)
		s.pass(time.Minute)
		s.want(one + " down")
		s.config.Health.Fall = 0
		s.reload(one)
		s.want(one + " up")
		s.config.Health = messages.DefaultHealth()
		s.config.Health.Interval = 100 * time.Millisecond
		s.reload(one)
		s.pass(time.Second)
		s.want(one + " down")
	})
}

func TestDrainEnableWeigh(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		if err := s.order(messages.DrainBackend{ID: one}); err != nil {
			t.Error(err)
		}
		s.want(one+" draining", two+" up")
		s.reload(one, two, three)
		s.want(one+" draining", two+" up", three+" up")
		if err := s.order(messages.EnableBackend{ID: one}); err != nil {
			t.Error(err)
		}
		if err := s.order(messages.WeighBackend{ID: two, Weight: 7}); err != nil {
			t.Error(err)
		}
		s.want(one+" up", two+",weight=7 up", three+" up")
		s.reload(two, one)
		s.want(two+",weight=7 up", one+" up")
		s.reload(two+",weight=2", one)
		s.want(two+",weight=2 up", one+" up")
	})
}

func TestOrdersThatCannotBeCarriedOut(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		for want, order := range map[string]any{
			`backend "127.0.0.1:9007": there is no such backend; did you mean "127.0.0.1:9001"?`: messages.DrainBackend{
				ID: "127.0.0.1:9007",
			},
			`weight "1001": must be 0 to 1000`: messages.WeighBackend{ID: one, Weight: 1001},
			`weight "-1": must be 0 to 1000`:   messages.WeighBackend{ID: one, Weight: -1},
		} {
			if err := s.order(order); err == nil || err.Error() != want {
				t.Errorf("%+v: %v, want %s", order, err, want)
			}
		}
		s.want(one + " up")
	})
}

func TestSlowStartRaisesTheShareInSteps(t *testing.T) {
	c := config(t, one, two)
	c.SlowStart = 20 * time.Second
	play(t, c, func(s *stage) {
		s.want(one+" up", two+" up")
		s.fail(one, messages.ConnectionRefused)
		s.outcomes(one, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
		s.cure(one)
		s.pass(time.Minute)
		var shares []int
		for _, snapshot := range s.snapshots {
			if m := snapshot.Members[0]; m.State == messages.Up && len(shares)+1 < len(s.snapshots) {
				shares = append(shares, m.Share)
			}
		}
		if len(shares) != 12 || shares[0] != 100 || shares[1] != 10 || shares[6] != 55 || shares[11] != 100 {
			t.Errorf("shares %v, want 100 and then ten steps from 10 to 100", shares)
		}
		s.want(one+" up", two+" up")
	})
}

// What an actor knew stands in its parent: a successor goes on from there.
func TestStateSurvivesCrashes(t *testing.T) {
	crashes := map[string]func(s *stage){
		"backends": func(s *stage) { s.tell(&actor.Terminated{Who: s.system.NewLocalPID("x")}) },
		"backends/backend/" + two + "/prober": func(s *stage) {
			nonsense := target{addresses: withPort(addresses("127.0.0.1"), 1), health: messages.Health{Interval: -time.Second}}
			s.system.Root.Send(s.child("backend/"+two+"/prober"), nonsense)
			s.pass(0)
		},
		"backends/backend/" + two: func(s *stage) {
			s.mu.Lock()
			s.poison = `"to":"draining"`
			s.mu.Unlock()
			if err := s.order(messages.DrainBackend{ID: two}); err != nil {
				t.Error(err)
			}
			s.pass(time.Second)
			s.want(one+" down", two+",weight=5 draining", three+" draining")
			if err := s.order(messages.EnableBackend{ID: two}); err != nil {
				t.Error(err)
			}
		},
	}
	for id, crash := range crashes {
		t.Run(strings.ReplaceAll(id, "/", " "), func(t *testing.T) {
			play(t, config(t, one, two, three), func(s *stage) {
				s.fail(one, messages.ConnectionRefused)
				s.outcomes(one, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
				_ = s.order(messages.WeighBackend{ID: two, Weight: 5})
				_ = s.order(messages.DrainBackend{ID: three})
				crash(s)
				if s.restarts(id) != 1 {
					t.Errorf("%s was restarted %d times, want once", id, s.restarts(id))
				}
				s.pass(20 * time.Second)
				s.want(one+" down", two+",weight=5 up", three+" draining")
				s.fail(two, messages.ConnectionRefused)
				s.outcomes(two, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
				s.pass(time.Second) // the last one goes down by a probe
				s.want(one+" down", two+",weight=5 down", three+" draining")
				s.cure(one)
				s.cure(two)
				s.pass(20 * time.Second)
				s.want(one+" up", two+",weight=5 up", three+" draining")
			})
		})
	}
}

// What is in the mailbox of a backend that is restarted was meant for its predecessor, or comes from what that has left: it does
// no harm before the parent has said what is to be done.
func TestBackendIgnoresWhatItsPredecessorWasTold(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		props := s.system.Props(func() actor.Actor {
			return &backend{system: s.system, resolver: s, check: s.check, log: zerolog.New(s), id: one}
		})
		var heir *actor.PID
		silent := s.system.Props(func() actor.Actor {
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if _, born := ctx.Message().(*actor.Started); born {
					heir = ctx.Spawn(props)
				}
			})
		})
		if _, err := s.system.Spawn(silent, "silent"); err != nil {
			t.Fatal(err)
		}
		s.pass(0)
		lookups := s.lookups
		for _, m := range []any{
			duty{},
			born{"prober"},
			lookAgain{},
			resolved{addresses: addresses("127.0.0.9")},
			probed{},
			messages.Outcome{Backend: one, Reason: messages.ConnectionRefused},
		} {
			s.system.Root.Send(heir, m)
		}
		s.pass(time.Minute)
		if n := s.system.History.Total(); n > 0 {
			t.Errorf("%d failures, the last: %s", n, s.system.History.Failures()[0].Text)
		}
		if n := s.lookups; n > lookups {
			t.Errorf("%d lookups of a name it was not told", n-lookups)
		}
	})
}

func TestProbeThatPanicsIsNoEvidence(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		s.fail(one, messages.ProxyInternalError)
		s.pass(time.Minute)
		s.want(one + " up")
		if n := s.probed(one); n < 10 {
			t.Errorf("probed %d times in a minute: it did not go on", n)
		}
	})
}

func TestStatusTellsWhatHappened(t *testing.T) {
	play(t, config(t, one), func(s *stage) {
		s.pass(time.Second)
		s.fail(one, messages.ConnectionRefused)
		s.pass(20 * time.Second)
		got := s.statuses()[0]
		if got.State != messages.Down || got.Passed != 1 || got.Failed < 3 || got.Changes != 1 || got.Since.IsZero() ||
			got.Why != "failures in a row: 3, the last: probe connection_refused" || got.Share != 100 {
			t.Errorf("got %+v", got)
		}
	})
}
