package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

// awayFrom is the delay of a restart from which on a neighbour accepts on the socket of a worker that waits for it: the
// kernel goes on putting connections into its queue.
const awayFrom = 20 * time.Millisecond

// workers is the actor that supervises the workers.
type workers struct {
	supervisor.Strategy

	system   *supervisor.System
	seats    []*seat
	fate     *fate
	root     zerolog.Logger
	log      zerolog.Logger
	children []*child
	draining bool
}

// child is what is known of one worker.
type child struct {
	pid      *actor.PID
	serves   bool
	away     bool // it waits for its restart
	degraded bool
	drained  bool
	helper   int // number of the neighbour that accepts for it; -1: nobody
}

func newWorkers(system *supervisor.System, seats []*seat, f *fate, log zerolog.Logger) *workers {
	w := &workers{system: system, seats: seats, fate: f, root: log, log: named(log, "workers")}
	w.Hooks = supervisor.Hooks{
		ChildFailed: w.childFailed, ChildAway: w.childAway, ChildBack: w.childBack, Degraded: w.childDegraded,
	}
	return w
}

// Receive implements actor.Actor.
func (w *workers) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		w.start(ctx)
	case *messages.Snapshot:
		for _, c := range w.children {
			ctx.Send(c.pid, m)
		}
	case serving:
		w.serving(m.worker)
	case messages.Drain:
		w.drain(ctx, m)
	case messages.Drained:
		w.drained(m)
	case messages.Outcome:
		w.log.Debug().Str("backend", m.Backend).Stringer("reason", m.Reason).Int("worker", m.Worker).Msg("outcome")
	}
}

func (w *workers) start(ctx actor.Context) {
	for _, s := range w.seats {
		props := w.system.Props(func() actor.Actor { return newWorker(w.system, s, len(w.seats), w.root) },
			actor.WithDispatcher(s.loop))
		pid, err := ctx.SpawnNamed(props, workerName(s.number))
		if err != nil {
			panic(err)
		}
		w.children = append(w.children, &child{pid: pid, helper: -1})
	}
}

// serving notes that a worker accepts connections, for the first time or again.
func (w *workers) serving(number int) {
	c := w.children[number]
	c.serves, c.away, c.degraded = true, false, false
	w.takeBack(number)
	for _, c := range w.children {
		if !c.serves {
			return
		}
	}
	w.fate.serve()
}

func (w *workers) drain(ctx actor.Context, m messages.Drain) {
	if w.draining {
		return
	}
	w.draining = true
	for i, c := range w.children {
		if c.away {
			w.drained(messages.Drained{Worker: i})
			continue
		}
		ctx.Send(c.pid, m)
	}
}

// drained ends the balancer when the last worker has ended its last exchange.
func (w *workers) drained(m messages.Drained) {
	w.children[m.Worker].drained = true
	if m.Cut > 0 {
		w.log.Warn().Int("worker", m.Worker).Int("exchanges", m.Cut).Msg("cut off at the end of the drain")
	}
	for _, c := range w.children {
		if !c.drained {
			return
		}
	}
	w.fate.end(nil)
}

// childFailed clears the seat at once: a worker that failed serves nobody until it is restarted.
func (w *workers) childFailed(f supervisor.Failure) {
	number, ok := w.number(f.Name)
	if !ok {
		return
	}
	s := w.seats[number]
	s.loop.Schedule(s.clear)
	w.children[number].serves = false
	if w.draining {
		w.drained(messages.Drained{Worker: number})
	}
}

func (w *workers) childAway(name string, delay time.Duration) {
	number, ok := w.number(name)
	if !ok {
		return
	}
	w.children[number].away = true
	if delay >= awayFrom && !w.draining {
		w.lend(number)
	}
}

// childBack waits for the worker to say that it serves.
func (w *workers) childBack(string) {}

func (w *workers) childDegraded(name string) {
	number, ok := w.number(name)
	if !ok {
		return
	}
	w.children[number].degraded = true
	for _, c := range w.children {
		if !c.degraded {
			return
		}
	}
	w.fate.end(fmt.Errorf("no worker is left: %s", w.lastReason()))
}

func (w *workers) lastReason() string {
	failures := w.system.History.Failures()
	if len(failures) == 0 {
		return "reason unknown"
	}
	return failures[len(failures)-1].Text
}

// lend has the next worker that serves accept for one that is away.
func (w *workers) lend(number int) {
	c := w.children[number]
	if c.helper >= 0 && w.children[c.helper].serves {
		return
	}
	c.helper = -1
	for i := 1; i < len(w.children); i++ {
		helper := (number + i) % len(w.children)
		if w.children[helper].serves {
			c.helper = helper
			w.system.Root.Send(w.children[helper].pid, lend{w.seats[number].fd})
			return
		}
	}
}

func (w *workers) takeBack(number int) {
	c := w.children[number]
	if c.helper < 0 {
		return
	}
	w.system.Root.Send(w.children[c.helper].pid, reclaim{w.seats[number].fd})
	c.helper = -1
}

func (w *workers) number(name string) (int, bool) {
	var n int
	if _, err := fmt.Sscanf(name, "worker/%d", &n); err != nil || n < 0 || n >= len(w.children) {
		return 0, false
	}
	return n, true
}
