package actors

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

// bench is a post whose worker notes the pictures that it is told. It is a dispatcher as well: while it is held, its
// worker does nothing, as one whose loop is busy.
type bench struct {
	mu     sync.Mutex
	told   []uint64 // generations
	held   bool
	queued []func()
}

func (b *bench) props(w *workers) *actor.Props {
	return w.system.Props(func() actor.Actor { return actor.ReceiveFunc(b.receive) }, actor.WithDispatcher(b))
}

func (b *bench) receive(ctx actor.Context) {
	if s, ok := ctx.Message().(*messages.Snapshot); ok {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told = append(b.told, s.Generation)
	}
}

// Schedule implements actor.Dispatcher.
func (b *bench) Schedule(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held {
		b.queued = append(b.queued, fn)
		return
	}
	go fn()
}

// Throughput implements actor.Dispatcher.
func (b *bench) Throughput() int { return 300 }

func (b *bench) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = true
}

func (b *bench) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = false
	for _, fn := range b.queued {
		go fn()
	}
	b.queued = nil
}

func (b *bench) assign([]int)                     {}
func (b *bench) beat(alive func())                { alive() }
func (b *bench) count(reply func(messages.Stats)) { reply(messages.Stats{}) }
func (b *bench) clear()                           {}
func (b *bench) retire()                          {}
func (b *bench) abandon()                         {}
func (b *bench) process() int                     { return 0 }
func (b *bench) close()                           {}

// What a worker was told and had not heard when the actor above it failed, its successor hears: there may be no other
// word of it for ever.
func TestPictureOutlivesTheWorkersActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bench)
		system := supervisor.NewSystem(supervisor.Options{})
		known, err := newBriefing([][]int{{}}, func(int, int, []int) (post, error) { return b, nil })
		if err != nil {
			t.Fatal(err)
		}
		pid, err := system.Spawn(system.Props(func() actor.Actor {
			return newWorkers(system, newFate(nil, nil), known, zerolog.Nop())
		}), "workers")
		if err != nil {
			t.Fatal(err)
		}
		system.Root.Send(pid, &messages.Snapshot{Generation: 1})
		synctest.Wait()
		b.hold()
		system.Root.Send(pid, &messages.Snapshot{Generation: 2})
		system.Root.Send(pid, messages.Serving{Worker: 9}) // whom there is not
		synctest.Wait()
		b.release()
		time.Sleep(time.Second) // of the bubble: the restart's delay passes
		synctest.Wait()
		b.mu.Lock()
		if len(system.History.Failures()) != 1 || !slices.Equal(b.told, []uint64{1, 2}) {
			t.Errorf("the workers' actor failed %d times; a worker was told %v, want 1 and 2", len(system.History.Failures()), b.told)
		}
		b.mu.Unlock()
		if err := system.Shutdown(time.Minute); err != nil {
			t.Error(err)
		}
		if err := system.Goroutines.Wait(time.Minute); err != nil {
			t.Error(err)
		}
	})
}
