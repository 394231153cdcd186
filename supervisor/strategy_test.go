package supervisor_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

// pair is a parent of a and b, and what the two wrote.
func pair(t *testing.T) (w *world, a, b *diary) {
	t.Helper()
	a, b = new(diary), new(diary)
	w = newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
		return map[string]*actor.Props{"a": s.Props(children(a)), "b": s.Props(children(b))}
	})
	a.want(t, "1 Started")
	b.want(t, "1 Started")
	return w, a, b
}

func TestCrashRestartsOneChildAndSparesItsSiblings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := pair(t)
		w.tell("a", crash("bad luck"))
		w.tell("a", "hello")
		w.tell("b", "hello")
		a.want(t, "1 Restarting", "2 Started", "2 hello")
		b.want(t, "1 hello")
		w.hooks.want(t, "failed a: bad luck")
		w.end(t)
	})
}

func TestMessagesSentDuringTheWaitReachTheNewInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := pair(t)
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		w.tell("a", "early")
		a.want(t, "1 Restarting", "2 Started")
		w.hooks.want(t, "failed a: one", "failed a: two", "away a 100ms")
		if n := w.node(t, "a").Queue; n != 1 {
			t.Errorf("%d messages wait, want 1", n)
		}
		time.Sleep(100*time.Millisecond - 1)
		synctest.Wait()
		a.want(t)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		a.want(t, "2 Restarting", "3 Started", "3 early")
		w.hooks.want(t, "back a")
		w.end(t)
	})
}

func TestCrashLoopBacksOffAndNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lives []time.Duration
		begin := time.Now()
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			return map[string]*actor.Props{"a": s.Props(func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					if _, ok := ctx.Message().(*actor.Started); ok {
						lives = append(lives, time.Since(begin))
						panic("no")
					}
				})
			})}
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		const ms = time.Millisecond
		want := []time.Duration{
			0, 0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 3100 * ms, 6300 * ms, 12700 * ms, 25500 * ms,
			51100 * ms, 81100 * ms,
		}
		if len(lives) < 20 || !slices.Equal(lives[:len(want)], want) {
			t.Errorf("%d lives began at\n     %v\nwant %v and then each 30 s", len(lives), lives, want)
		}
		degraded := 0
		for _, line := range w.hooks.take() {
			if line == "degraded a" {
				degraded++
			}
		}
		if degraded != 1 {
			t.Errorf("degraded was told %d times, want once", degraded)
		}
		if !w.alive("a") {
			t.Error("the child is gone")
		}
		if got := w.History.Total(); got != uint64(len(lives)) {
			t.Errorf("the history counts %d failures of %d", got, len(lives))
		}
		w.end(t)
	})
}

func TestQuietTimeBringsTheNextRestartAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := pair(t)
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		time.Sleep(100*time.Millisecond + time.Minute)
		synctest.Wait()
		a.take()
		w.hooks.take()
		w.tell("a", crash("three"))
		a.want(t, "3 Restarting", "4 Started")
		w.hooks.want(t, "failed a: three")
		w.end(t)
	})
}

func TestDelayedRestartOfAStoppedChildDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := pair(t)
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		w.Root.Stop(w.child("a"))
		time.Sleep(time.Minute)
		synctest.Wait()
		a.want(t, "1 Restarting", "2 Started", "2 Stopping", "2 Stopped")
		w.hooks.want(t, "failed a: one", "failed a: two", "away a 100ms")
		if w.alive("a") {
			t.Error("the child rose again")
		}
		w.end(t)
	})
}

func TestDelayedRestartSparesASuccessorOfTheSameName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := pair(t)
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		a.take()
		w.Root.Stop(w.child("a"))
		synctest.Wait()
		w.Root.Send(w.pid, func(ctx actor.Context) {
			if _, err := ctx.SpawnNamed(w.Props(children(a)), "a"); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		a.want(t, "2 Stopping", "2 Stopped", "1 Started")
		w.hooks.take()
		w.tell("a", crash("three"))
		w.hooks.want(t, "failed a: three") // at once: the score was not inherited
		w.end(t)
	})
}

// A child that waits for its own children to stop is not to be called back, by whomever.
func TestRestartDoesNotRaiseAStoppingChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		gate := make(chan struct{})
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			slow := s.Props(func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					if _, ok := ctx.Message().(*actor.Stopping); ok {
						<-gate
					}
				})
			})
			produce := children(&a)
			return map[string]*actor.Props{"a": s.Props(func() actor.Actor {
				inner := produce()
				return actor.ReceiveFunc(func(ctx actor.Context) {
					if _, ok := ctx.Message().(*actor.Started); ok {
						ctx.Spawn(slow)
					}
					inner.Receive(ctx)
				})
			})}
		})
		w.Root.Stop(w.child("a"))
		synctest.Wait()
		w.Root.Send(w.pid, func(ctx actor.Context) { ctx.(actor.Supervisor).RestartChildren(w.child("a")) })
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if w.alive("a") {
			t.Errorf("the child rose again: %q", a.take())
		}
		w.end(t)
	})
}

func TestParentThatRestartsForgetsDelayedRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := pair(t)
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		a.take()
		w.Root.Send(w.pid, func(actor.Context) { panic("the parent, too") })
		synctest.Wait()
		a.want(t, "2 Stopping", "2 Stopped", "3 Started")
		w.hooks.take()
		time.Sleep(time.Minute)
		synctest.Wait()
		a.want(t)
		w.hooks.want(t)
		w.end(t)
	})
}

func TestHookThatPanicsChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := pair(t)
		w.lord.Hooks.ChildFailed = func(supervisor.Failure) { panic("hook") }
		w.lord.Hooks.ChildAway = func(string, time.Duration) { panic("hook") }
		w.lord.Hooks.ChildBack = func(string) { panic("hook") }
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		time.Sleep(time.Second)
		synctest.Wait()
		a.want(t, "1 Restarting", "2 Started", "2 Restarting", "3 Started")
		b.want(t)
		w.end(t)
	})
}

// Such an actor has no score; without one it would be restarted in a tight loop.
func TestChildWithoutGuardIsStoppedWithAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		w := newWorld(t, func(*supervisor.System) map[string]*actor.Props {
			return map[string]*actor.Props{"a": actor.PropsFromProducer(children(&a))}
		})
		w.tell("a", crash("no"))
		a.want(t, "1 Started", "1 Stopping", "1 Stopped")
		w.hooks.want(t)
		if log := strings.Join(w.log.take(), "\n"); !strings.Contains(log, `outcome="stopped: it has no guard"`) {
			t.Errorf("the log does not say so: %s", log)
		}
		w.end(t)
	})
}

// The loop of a worker runs actors in the thread that schedules them; so does this dispatcher, which makes all of it
// happen in the test's own goroutine.
func TestCrashOnTheCallersThread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := actor.WithDispatcher(actor.NewSynchronizedDispatcher(300))
		var a diary
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			return map[string]*actor.Props{"a": s.Props(children(&a), here)}
		}, here)
		w.Root.Send(w.child("a"), crash("one"))
		w.Root.Send(w.child("a"), "hello")
		a.want(t, "1 Started", "1 Restarting", "2 Started", "2 hello")
		w.hooks.want(t, "failed a: one")
		w.Root.Send(w.child("a"), crash("two"))
		time.Sleep(time.Second)
		synctest.Wait()
		a.want(t, "2 Restarting", "3 Started")
		w.hooks.want(t, "failed a: two", "away a 100ms", "back a")
		w.end(t)
	})
}

func TestActorsAtTheRootAndChildrenOfPlainParentsAreSupervised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var top, below, told diary
		s := supervisor.NewSystem(supervisor.Options{
			Backoff: supervisor.Backoff{Jitter: -1},
			Hooks:   supervisor.Hooks{ChildAway: func(name string, d time.Duration) { told.note("%s %v", name, d) }},
		})
		produce := children(&top)
		inner := s.Props(children(&below))
		_, err := s.Spawn(s.Props(func() actor.Actor {
			outer := produce()
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Started); ok {
					_, _ = ctx.SpawnNamed(inner, "below")
				}
				outer.Receive(ctx)
			})
		}), "top")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 2 {
			s.Root.Send(s.NewLocalPID("top/below"), crash("no"))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		below.want(t, "1 Started", "1 Restarting", "2 Started", "2 Restarting", "3 Started")
		told.want(t, "below 100ms")
		for range 30 {
			s.Root.Send(s.NewLocalPID("top"), crash("no"))
			time.Sleep(40 * time.Second)
			synctest.Wait()
		}
		lines := top.take()
		if last := lines[len(lines)-1]; last != "31 Started" && last != "31 Terminated" {
			t.Errorf("after 30 crashes the actor at the root wrote last: %q", last)
		}
		if err := s.Shutdown(time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestRestartByOtherHandsMakesADelayedOneVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := pair(t)
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		w.Root.Send(w.pid, func(ctx actor.Context) { ctx.(actor.Supervisor).RestartChildren(w.child("a")) })
		time.Sleep(time.Minute)
		synctest.Wait()
		a.want(t, "1 Restarting", "2 Started", "2 Restarting", "3 Started")
		w.hooks.want(t, "failed a: one", "failed a: two", "away a 100ms")
		w.end(t)
	})
}

func TestFailureOfAChildThatWasStoppedMeanwhileIsOnlyRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := pair(t)
		gate := make(chan struct{})
		w.Root.Send(w.pid, func(actor.Context) { <-gate })
		synctest.Wait()
		w.tell("a", crash("one"))
		w.Root.Stop(w.child("a"))
		synctest.Wait()
		close(gate)
		synctest.Wait()
		a.want(t, "1 Stopping", "1 Stopped")
		w.hooks.want(t)
		w.caught.want(t, "lb/a: one during supervisor_test.crash")
		w.end(t)
	})
}
