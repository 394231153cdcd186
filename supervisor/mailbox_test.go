package supervisor_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

//go:noinline
func explode(reason any) { panic(reason) }

//go:noinline
func explodeByItself() {
	var none *diary
	none.lines = nil
}

// failure returns the one failure of an actor that runs fn.
func failure(t *testing.T, fn func()) (f supervisor.Failure) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			return map[string]*actor.Props{"a": s.Props(func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					if _, ok := ctx.Message().(int); ok {
						fn()
					}
				})
			})}
		})
		w.tell("a", &actor.MessageEnvelope{Message: 1})
		all := w.History.Failures()
		if len(all) != 1 {
			t.Fatalf("%d failures, want 1", len(all))
		}
		f = all[0]
		w.end(t)
	})
	return f
}

func TestStackOfAFailureNamesTheFunctionThatPanicked(t *testing.T) {
	f := failure(t, func() { explode("bang") })
	if !strings.HasPrefix(string(f.Stack), "lb/supervisor_test.explode(") {
		t.Errorf("the stack does not begin there:\n%s", f.Stack)
	}
	f = failure(t, explodeByItself)
	if !strings.Contains(string(f.Stack), "lb/supervisor_test.explodeByItself(") {
		t.Errorf("the stack of a runtime error does not hold the place:\n%s", f.Stack)
	}
}

func TestFailureSaysWhoAndWhy(t *testing.T) {
	f := failure(t, func() { explode(io.ErrUnexpectedEOF) })
	if f.Actor != "lb/a" || f.Name != "a" || f.Received != "int" || f.Text != "unexpected EOF" || f.Caught ||
		f.Decision.Failures != 1 || f.Outcome() != "restart at once" || f.Time.IsZero() {
		t.Errorf("%+v", f)
	}
	if err, ok := f.Reason.(error); !ok || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reason %v, want the value of the panic", f.Reason)
	}
}

// rude is a reason whose text cannot be had.
type rude struct{}

func (rude) Error() string { panic("rude") }

func TestReasonThatCannotBeRenderedDoesNoHarm(t *testing.T) {
	if f := failure(t, func() { explode(rude{}) }); !strings.Contains(f.Text, "PANIC") {
		t.Errorf("text %q", f.Text)
	}
	if f := failure(t, func() { explode(strings.Repeat("x", 1<<20)) }); len(f.Text) != 1<<10 {
		t.Errorf("a text of %d bytes was kept", len(f.Text))
	}
}

func TestNilMessageIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := pair(t)
		w.Root.Send(w.child("a"), nil)
		w.tell("a", "hello")
		a.want(t, "1 hello")
		w.caught.want(t, "lb/a: nil was sent as a message during <nil>")
		if f := w.History.Failures(); len(f) != 1 || !strings.Contains(string(f[0].Stack), "TestNilMessageIsDropped") {
			t.Errorf("the sender cannot be found in %+v", f)
		}
		w.end(t)
	})
}

func TestNoOtherMailboxTakesThePlaceOfTheGuardedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			return map[string]*actor.Props{"a": s.Props(children(&a), actor.WithMailbox(actor.Unbounded()))}
		})
		w.tell("a", crash("no"))
		a.want(t, "1 Started", "1 Restarting", "2 Started")
		w.end(t)
	})
}

func BenchmarkSendAndReceive(b *testing.B) {
	here := actor.WithDispatcher(actor.NewSynchronizedDispatcher(300))
	produce := func() actor.Actor { return actor.ReceiveFunc(func(actor.Context) {}) }
	f := func(name string, system *supervisor.System, props *actor.Props) {
		b.Run(name, func(b *testing.B) {
			pid := system.Root.Spawn(props)
			var message any = b
			b.ReportAllocs()
			for b.Loop() {
				system.Root.Send(pid, message)
			}
		})
	}
	s := supervisor.NewSystem(supervisor.Options{})
	f("bare", s, actor.PropsFromProducer(produce, here))
	f("guarded", s, s.Props(produce, here))
}
