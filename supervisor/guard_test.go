package supervisor_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

// misfit does what an actor must not do, in one of its moments.
type misfit struct {
	child
	moment any // type of the message
	misdo  func(ctx actor.Context)
}

func (m *misfit) Receive(ctx actor.Context) {
	m.child.Receive(ctx)
	if fmt.Sprintf("%T", ctx.Message()) == fmt.Sprintf("%T", m.moment) {
		m.misdo(ctx)
	}
}

// misfits makes props of which each incarnation misbehaves; with a child below if family is set.
func misfits(s *supervisor.System, d *diary, family bool, moment any, misdo func(actor.Context)) *actor.Props {
	life := 0
	return s.Props(func() actor.Actor {
		life++
		m := &misfit{child{d, life}, moment, misdo}
		if !family {
			return m
		}
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Started); ok {
				ctx.Spawn(s.Props(func() actor.Actor { return actor.ReceiveFunc(func(actor.Context) {}) }))
			}
			m.Receive(ctx)
		})
	})
}

func panics(actor.Context) { panic("misfit") }
func exits(actor.Context)  { runtime.Goexit() }

// Whatever an actor does in its last moments, it goes, and so may its parent.
func TestMisbehaviourWhileStoppingDoesNotWedge(t *testing.T) {
	f := func(name string, family bool, moment any, misdo func(actor.Context), caught string) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a diary
				w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
					return map[string]*actor.Props{"a": misfits(s, &a, family, moment, misdo)}
				})
				w.end(t)
				for _, line := range a.take() {
					if strings.HasPrefix(line, "2") {
						t.Errorf("it rose again: %s", line)
					}
				}
				w.caught.want(t, caught)
				w.hooks.want(t)
			})
		})
	}
	for _, family := range []bool{false, true} {
		with := map[bool]string{false: "", true: ", with a child"}[family]
		f("panic in Stopping"+with, family, &actor.Stopping{}, panics, "lb/a: misfit during *actor.Stopping")
		f("panic in Stopped"+with, family, &actor.Stopped{}, panics, "lb/a: misfit during *actor.Stopped")
		f("Goexit in Stopping"+with, family, &actor.Stopping{}, exits,
			"lb/a: runtime.Goexit was called during *actor.Stopping")
		f("Goexit in Stopped"+with, family, &actor.Stopped{}, exits,
			"lb/a: runtime.Goexit was called during *actor.Stopped")
	}
}

func TestMisbehaviourWhileRestartingDoesNotCostASecondRestart(t *testing.T) {
	f := func(name string, family bool, moment any, misdo func(actor.Context)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a diary
				w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
					return map[string]*actor.Props{"a": misfits(s, &a, family, moment, misdo)}
				})
				a.take()
				w.tell("a", crash("no"))
				w.tell("a", "hello")
				lines := a.take()
				if !slices.Contains(lines, "2 hello") || slices.Contains(lines, "3 Started") {
					t.Errorf("one restart wanted: %q", lines)
				}
				w.hooks.want(t, "failed a: no")
				if n := len(w.caught.take()); n != 1 {
					t.Errorf("%d failures caught, want 1", n)
				}
				w.end(t)
			})
		})
	}
	for _, family := range []bool{false, true} {
		with := map[bool]string{false: "", true: ", with a child"}[family]
		f("panic in Restarting"+with, family, &actor.Restarting{}, panics)
		f("Goexit in Restarting"+with, family, &actor.Restarting{}, exits)
	}
}

func TestGoexitInReceiveIsAFailureLikeAnyOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			return map[string]*actor.Props{"a": misfits(s, &a, false, 7, exits)}
		})
		w.tell("a", 7)
		w.tell("a", "hello")
		a.want(t, "1 Started", "1 7", "1 Restarting", "2 Started", "2 hello")
		w.hooks.want(t, "failed a: runtime.Goexit was called")
		if f := w.History.Failures(); len(f) != 1 || f[0].Received != "int" ||
			!strings.Contains(string(f[0].Stack), "supervisor_test.exits") {
			t.Errorf("history %+v, want one failure upon an int, with the place of the exit", f)
		}
		w.end(t)
	})
}

func TestChildBornWhileItsParentGoesDoesNotKeepIt(t *testing.T) {
	f := func(name string, moment any, restart bool) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a diary
				w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
					newborn := s.Props(func() actor.Actor { return actor.ReceiveFunc(func(actor.Context) {}) })
					return map[string]*actor.Props{"a": misfits(s, &a, true, moment, func(ctx actor.Context) {
						// once per life only, or they would breed for ever
						if got := a.take(); len(got) > 0 {
							ctx.Spawn(newborn)
						}
					})}
				})
				if restart {
					w.tell("a", crash("no"))
					w.tell("a", "hello")
					if lines := a.take(); !slices.Contains(lines, "2 hello") {
						t.Errorf("it did not come back: %q", lines)
					}
				}
				w.end(t)
				synctest.Wait() // one that was born in Stopped outlives its parent by a moment
				if left := w.Tree(); len(left) != 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		})
	}
	f("Stopping", &actor.Stopping{}, false)
	f("Stopped", &actor.Stopped{}, false)
	f("Restarting", &actor.Restarting{}, true)
}

func TestRespawnOnTerminatedDoesNotKeepAStoppingParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			newborn := s.Props(func() actor.Actor { return actor.ReceiveFunc(func(actor.Context) {}) })
			return map[string]*actor.Props{"a": s.Props(func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					switch ctx.Message().(type) {
					case *actor.Started, *actor.Terminated:
						ctx.Spawn(newborn)
					}
				})
			})}
		})
		w.end(t)
		if left := w.Tree(); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestProducerThatPanicsFailsItsOwnActorOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		var a diary
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			produce := children(&a)
			return map[string]*actor.Props{"a": s.Props(func() actor.Actor {
				if tries++; tries <= 3 {
					return impossible()
				}
				return produce()
			})}
		})
		time.Sleep(time.Second)
		synctest.Wait()
		a.want(t, "1 Started")
		w.hooks.want(t, "failed a: no parts", "failed a: no parts", "away a 100ms", "back a",
			"failed a: no parts", "away a 200ms", "back a")
		if f := w.History.Failures(); !strings.HasPrefix(string(f[0].Stack), "lb/supervisor_test.impossible(") {
			t.Errorf("the stack does not begin with the producer:\n%s", f[0].Stack)
		}
		w.end(t)
	})
}

//go:noinline
func impossible() actor.Actor { panic("no parts") }

// A restart at which the producer exits goes on as a restart: the old instance has heard of it already.
func TestProducerThatExitsIsTriedAgain(t *testing.T) {
	f := func(name string, moment any) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a diary
				w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
					tries := 0
					return map[string]*actor.Props{"a": s.Props(func() actor.Actor {
						if tries++; tries == 2 {
							runtime.Goexit()
						}
						return &misfit{child{&a, tries}, moment, panics}
					})}
				})
				w.tell("a", crash("no"))
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				a.want(t, "1 Started", "1 Restarting", "3 Started")
				w.hooks.want(t, "failed a: no", "failed a: runtime.Goexit was called", "away a 100ms", "back a")
				w.end(t)
			})
		})
	}
	f("after a sound end", struct{}{})
	f("after a panic in Restarting", &actor.Restarting{})
}

// A failed actor still gets system messages, and may fail again upon one.
func TestFailureOfAFailedActorIsCaught(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			return map[string]*actor.Props{"a": misfits(s, &a, true, &actor.Terminated{}, panics)}
		})
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		w.Root.Stop(w.NewLocalPID(w.node(t, "a").Children[0].ID))
		synctest.Wait()
		w.caught.want(t, "lb/a: misfit during *actor.Terminated")
		w.hooks.want(t, "failed a: one", "failed a: two", "away a 100ms")
		w.end(t)
	})
}

func TestActorThatExitsAtEachTurnIsStillJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			return map[string]*actor.Props{"a": s.Props(func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					switch ctx.Message().(type) {
					case *actor.Restarting, int:
						runtime.Goexit()
					}
				})
			})}
		})
		w.tell("a", 7)
		w.tell("a", 7)
		w.hooks.want(t, "failed a: runtime.Goexit was called", "failed a: runtime.Goexit was called", "away a 100ms")
		w.caught.want(t, "lb/a: runtime.Goexit was called during *actor.Restarting")
		w.end(t)
	})
}
