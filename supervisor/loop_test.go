package supervisor_test

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

// loop is a dispatcher as the data plane has it: Schedule never blocks, and one goroutine on one thread runs
// everything.
type loop struct {
	mu     sync.Mutex
	queue  []func()
	wake   chan struct{}
	inside bool // the loop's goroutine only: the race detector finds whoever else asks
}

func newLoop() *loop { return &loop{wake: make(chan struct{}, 1)} }

func (*loop) Throughput() int { return 300 }

func (l *loop) Schedule(fn func()) {
	l.mu.Lock()
	l.queue = append(l.queue, fn)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run serves until stop is closed.
func (l *loop) run(stop <-chan struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case <-l.wake:
			l.round()
		case <-stop:
			return
		}
	}
}

func (l *loop) round() {
	l.inside = true
	defer func() { l.inside = false }()
	for fn := l.next(); fn != nil; fn = l.next() {
		fn()
	}
}

func (l *loop) next() func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	fn := l.queue[0]
	l.queue = l.queue[1:]
	return fn
}

// answers says whether the loop still runs what it is given.
func (l *loop) answers() bool {
	done := make(chan struct{})
	l.Schedule(func() { close(done) })
	synctest.Wait()
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// loops is a world whose parent runs on one loop and whose children run on another; stop ends the loops.
func loops(t *testing.T, a *diary, parents, childrens *loop) (w *world, stop func()) {
	t.Helper()
	end := make(chan struct{})
	var threads supervisor.Goroutines
	for l := range map[*loop]bool{parents: true, childrens: true} {
		threads.Go("loop", func() { l.run(end) })
	}
	w = newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
		produce := children(a)
		return map[string]*actor.Props{"a": s.Props(func() actor.Actor {
			inner := produce()
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if !childrens.inside {
					a.note("elsewhere: %T", ctx.Message())
				}
				inner.Receive(ctx)
			})
		}, actor.WithDispatcher(childrens))}
	}, actor.WithDispatcher(parents))
	back := w.lord.Hooks.ChildBack
	w.lord.Hooks.ChildBack = func(name string) {
		if !parents.inside {
			w.hooks.note("elsewhere")
		}
		back(name)
	}
	a.want(t, "1 Started")
	return w, func() {
		close(end)
		if err := threads.Wait(time.Second); err != nil {
			t.Error(err)
		}
	}
}

// crashTwice has the child restarted at once and after a delay.
func crashTwice(t *testing.T, w *world, a *diary) {
	t.Helper()
	w.tell("a", crash("one"))
	w.tell("a", "hello")
	a.want(t, "1 Restarting", "2 Started", "2 hello")
	w.tell("a", crash("two"))
	w.tell("a", "early")
	a.want(t)
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	a.want(t, "2 Restarting", "3 Started", "3 early")
	w.hooks.want(t, "failed a: one", "failed a: two", "away a 100ms", "back a")
}

func TestActorsOnEventLoopsAreRestartedAndStoppedThere(t *testing.T) {
	f := func(name string, shared bool) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a diary
				parents := newLoop()
				childrens := parents
				if !shared {
					childrens = newLoop()
				}
				w, stop := loops(t, &a, parents, childrens)
				crashTwice(t, w, &a)
				w.end(t)
				a.want(t, "3 Stopping", "3 Stopped")
				stop()
			})
		})
	}
	f("one each", false)
	f("the same, as worker and pool", true)
}

func TestLoopIsNotHeldUpByAParentThatIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		parents, childrens := newLoop(), newLoop()
		w, stop := loops(t, &a, parents, childrens)
		gate := make(chan struct{})
		w.Root.Send(w.pid, func(actor.Context) { <-gate })
		synctest.Wait()
		w.tell("a", crash("one"))
		w.tell("a", "early")
		if parents.answers() || !childrens.answers() {
			t.Error("want the parent's loop blocked and the child's free")
		}
		a.want(t)
		close(gate)
		synctest.Wait()
		a.want(t, "1 Restarting", "2 Started", "2 early")
		w.end(t)
		stop()
	})
}

func TestDelayedRestartWaitsForItsTurnInTheParentsMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		parents, childrens := newLoop(), newLoop()
		w, stop := loops(t, &a, parents, childrens)
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		a.take()
		gate := make(chan struct{})
		w.Root.Send(w.pid, func(actor.Context) { <-gate })
		time.Sleep(time.Minute)
		synctest.Wait()
		a.want(t)
		close(gate)
		synctest.Wait()
		a.want(t, "2 Restarting", "3 Started")
		w.hooks.want(t, "failed a: one", "failed a: two", "away a 100ms", "back a")
		w.end(t)
		stop()
	})
}

func TestStopWhileALoopsActorWaitsForItsRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		parents, childrens := newLoop(), newLoop()
		w, stop := loops(t, &a, parents, childrens)
		w.tell("a", crash("one"))
		w.tell("a", crash("two"))
		a.take()
		if err := supervisor.Stop(w.ActorSystem, w.child("a"), time.Second); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		a.want(t, "2 Stopping", "2 Stopped")
		w.end(t)
		stop()
	})
}
