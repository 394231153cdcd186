package supervisor_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

func TestStopHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervisor.NewSystem(supervisor.Options{})
		gate := make(chan struct{})
		pid, err := s.Spawn(s.Props(func() actor.Actor {
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Stopping); ok {
					<-gate
				}
			})
		}), "slow")
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		err = supervisor.Stop(s.ActorSystem, pid, 20*time.Second)
		if err == nil || err.Error() != "stop slow: still there after 20s" || time.Since(begin) != 20*time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		time.AfterFunc(15*time.Second, func() { close(gate) })
		if err := s.Shutdown(30 * time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 35*time.Second {
			t.Errorf("gone after %v, want 35s", took)
		}
		if err := supervisor.Stop(s.ActorSystem, pid, 0); err != nil {
			t.Errorf("an actor that is gone: %v", err)
		}
		if err := s.Shutdown(time.Second); err != nil {
			t.Errorf("a second time: %v", err)
		}
	})
}

func TestShutdownStopsTheYoungestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		s := supervisor.NewSystem(supervisor.Options{})
		for _, name := range []string{"first", "second"} {
			if _, err := s.Spawn(s.Props(func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					if _, ok := ctx.Message().(*actor.Stopped); ok {
						d.note("%s", name)
					}
				})
			}), name); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Shutdown(time.Second); err != nil {
			t.Error(err)
		}
		d.want(t, "second", "first")
		if !s.IsStopped() {
			t.Error("the system itself was not stopped")
		}
	})
}

func TestSpawnRefusesReservedAndTakenNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervisor.NewSystem(supervisor.Options{})
		props := s.Props(func() actor.Actor { return actor.ReceiveFunc(func(actor.Context) {}) })
		f := func(name, want string) {
			t.Helper()
			if _, err := s.Spawn(props, name); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
		if _, err := s.Spawn(props, "lb"); err != nil {
			t.Error(err)
		}
		f("lb", `spawn "lb": spawn: name exists`)
		f("", `spawn "": the name is empty or reserved`)
		f("$1", `spawn "$1": the name is empty or reserved`)
		f("future$1", `spawn "future$1": the name is empty or reserved`)
		if err := s.Shutdown(time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestLogSaysWhatHappenedInOurWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := pair(t)
		if lines := w.log.take(); len(lines) != 0 {
			t.Errorf("the start is not silent: %q", lines)
		}
		w.tell("a", crash("bad luck"))
		w.Root.Send(w.child("nobody"), "secret")
		w.Logger().With("self", w.pid).Info("x", "message", "text")
		f := func(want ...string) {
			t.Helper()
			lines := w.log.take()
			w.log.lines = lines
			for _, line := range lines {
				if !slices.ContainsFunc(want, func(s string) bool { return !strings.Contains(line, s) }) {
					return
				}
			}
			t.Errorf("no line holds %q in\n%s", want, strings.Join(lines, "\n"))
		}
		f("level=ERROR", "actor failed", "actor=lb/a", `reason="bad luck"`, `outcome="restart at once"`,
			"received=supervisor_test.crash", "failures=1", "supervisor_test.(*child).Receive")
		f("level=DEBUG", "dead letter", "actor=lb/nobody", "received=string")
		f("msg=x", "self=lb", "received=string")
		for _, line := range w.log.take() {
			for _, bad := range []string{"secret", "Recovering", "DeadLetter]"} {
				if strings.Contains(line, bad) {
					t.Errorf("%s is not wanted in: %s", bad, line)
				}
			}
		}
		w.end(t)
	})
}

// faulty is a log that breaks.
type faulty struct{ slog.Handler }

func (faulty) Write([]byte) (int, error) { panic("disk on fire") }

func TestLogThatPanicsDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		s := supervisor.NewSystem(supervisor.Options{Logger: slog.New(slog.NewTextHandler(faulty{}, nil))})
		if _, err := s.Spawn(s.Props(children(&a)), "a"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.Root.Send(s.NewLocalPID("a"), crash("no"))
		}
		s.Root.Send(s.NewLocalPID("nobody"), "x")
		time.Sleep(time.Second)
		synctest.Wait()
		a.want(t, "1 Started", "1 Restarting", "2 Started", "2 Restarting", "3 Started")
		if err := s.Shutdown(time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestCrashOfAGoroutineIsKeptAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := pair(t)
		w.Goroutines.Go("probe", func() { explode("bang") })
		synctest.Wait()
		w.caught.want(t, "goroutine probe: bang during <nil>")
		f := w.History.Failures()
		if len(f) != 1 || !strings.HasPrefix(string(f[0].Stack), "lb/supervisor_test.explode(") {
			t.Errorf("history %+v", f)
		}
		w.end(t)
	})
}

func TestRequestToNobodyEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervisor.NewSystem(supervisor.Options{})
		begin := time.Now()
		_, err := s.Root.RequestFuture(s.NewLocalPID("nobody"), "hello", time.Minute).Result()
		if !errors.Is(err, actor.ErrDeadLetter) || time.Since(begin) != 0 {
			t.Errorf("after %v: %v, want a dead letter at once", time.Since(begin), err)
		}
	})
}

func TestWhoWatchesAnActorThatIsGoneLearnsSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := pair(t)
		var d diary
		w.lord.do = func(ctx actor.Context) {
			if m, ok := ctx.Message().(*actor.Terminated); ok {
				d.note("%s %v", m.Who.Id, m.Why)
			}
		}
		w.Root.Send(w.pid, func(ctx actor.Context) { ctx.Watch(w.NewLocalPID("nobody")) })
		synctest.Wait()
		d.want(t, "nobody NotFound")
		w.end(t)
	})
}

// A guardian, say, panics when it is sent to, and would take the sender of the dead letter with it.
func TestDeadLetterWhoseSenderPanicsDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := pair(t)
		var guardian *actor.PID
		w.Root.Send(w.pid, func(ctx actor.Context) { guardian = ctx.Parent() })
		synctest.Wait()
		w.Root.RequestWithCustomSender(w.NewLocalPID("nobody"), "hello", guardian)
		if log := strings.Join(w.log.take(), "\n"); !strings.Contains(log, "the handling of a dead letter panicked") {
			t.Errorf("the log does not say so: %s", log)
		}
		w.end(t)
	})
}

func TestCaughtHookThatPanicsDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		s := supervisor.NewSystem(supervisor.Options{Caught: func(supervisor.Failure) {
			told++
			panic("hook")
		}})
		pid, err := s.Spawn(s.Props(children(new(diary))), "a")
		if err != nil {
			t.Fatal(err)
		}
		s.Root.Send(pid, nil)
		if told != 1 || s.History.Total() != 1 {
			t.Errorf("told %d times, %d in the history; want 1 and 1", told, s.History.Total())
		}
		if err := s.Shutdown(time.Second); err != nil {
			t.Error(err)
		}
	})
}
