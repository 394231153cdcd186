package actors

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

// awayFrom is the delay of a restart from which on a neighbour accepts on the socket of a worker that waits for it: the
// kernel goes on putting connections into its queue.
const awayFrom = 20 * time.Millisecond

// backoffOfWorkers is shorter than that of other actors: clients wait. A lone worker that fails again and again is
// given up after 11 s, for whoever started the process to decide; with neighbours it is retried every 5 s.
var backoffOfWorkers = supervisor.Backoff{Cap: 5 * time.Second, Budget: 8}

// workers is the actor that supervises the workers.
type workers struct {
	supervisor.Strategy

	system   *supervisor.System
	fate     *fate
	root     zerolog.Logger
	log      zerolog.Logger
	children []*child
	adopted  int // connections of another process, so far
	*briefing

	gatherings *gatherings
	heartbeat  *heartbeat
}

// briefing is what the workers actor was told. It outlives an actor that fails: the next one goes on from it. Only the
// present one touches it.
type briefing struct {
	draining bool
	moving   bool // the drain hands over what waits
	leaving  bool // new clients are to be sent elsewhere
	snapshot *messages.Snapshot
	// publisher of the snapshot: outcomes go to it.
	publisher *actor.PID
	// posts are where the workers work, shares the sockets of each, stats what each told last: it only grows.
	posts  []post
	shares [][]int
	stats  []messages.Stats
	// past is what those have counted that were given up.
	past messages.Stats
	// processes says that each worker has a process of its own: its neighbours serve its clients however long it is away.
	processes bool
	// build makes another post.
	build func(number, size int, fds []int) (post, error)
	// size is the number of workers there are to be, for any goroutine.
	size atomic.Int64
}

// newBriefing has a post for each share of the sockets.
func newBriefing(shares [][]int, build func(number, size int, fds []int) (post, error)) (*briefing, error) {
	b := &briefing{shares: shares, build: build}
	b.size.Store(int64(len(shares)))
	for i := range shares {
		if err := b.add(i); err != nil {
			return b, err
		}
	}
	return b, nil
}

// add makes the post of a number.
func (b *briefing) add(number int) error {
	p, err := b.build(number, len(b.shares), b.shares[number])
	if err != nil {
		return fmt.Errorf("worker %d: %w", number, err)
	}
	b.posts, b.stats = append(b.posts, p), append(b.stats, messages.Stats{})
	return nil
}

// child is what is known of one worker.
type child struct {
	pid      *actor.PID
	serves   bool
	away     bool // it waits for its restart
	missed   bool // so long that a neighbour is to accept for it
	degraded bool
	emptied  bool
	drained  bool
	leaving  bool // it is given up
	removed  bool // it is gone, and its counters are kept
	helper   int  // number of the neighbour that accepts for it; -1: nobody
}

func newWorkers(system *supervisor.System, f *fate, b *briefing, log zerolog.Logger) *workers {
	w := &workers{system: system, fate: f, briefing: b, root: log, log: named(log, "workers")}
	w.gatherings, w.heartbeat = newGatherings(system, b), newHeartbeat(system, b)
	if !b.processes {
		w.Backoff = backoffOfWorkers
	}
	w.Hooks = supervisor.Hooks{ChildFailed: w.childFailed, ChildAway: w.childAway}
	return w
}

// Receive implements actor.Actor.
func (w *workers) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		w.start(ctx)
	case *messages.Snapshot:
		w.snapshot, w.publisher = m, ctx.Sender()
		for _, c := range w.children {
			ctx.Send(c.pid, m)
		}
	case messages.Serving:
		w.serving(m.Worker)
	case unable:
		w.unable(m)
	case messages.ChangeLevel, messages.ReopenLog:
		for _, c := range w.children {
			ctx.Send(c.pid, m)
		}
	case messages.Withdraw:
		w.leaving = true
	case messages.Drain:
		w.drain(ctx, m)
	case messages.Emptied:
		w.emptied(m.Worker)
	case messages.Drained:
		w.drained(m)
	case resize:
		ctx.Respond(messages.Done{Err: w.resize(ctx, m)})
	case *actor.Terminated:
		w.dismissed(ctx.Self(), m.Who)
	case lastCounted:
		w.remove(m)
	case moved:
		w.moved(m)
	case adopt:
		w.adopt(m)
	case messages.Outcome:
		if w.publisher != nil {
			ctx.Send(w.publisher, m)
		}
	default:
		w.observe(ctx)
	}
}

func (w *workers) start(ctx actor.Context) {
	w.forget()
	for i := range w.posts {
		w.spawn(ctx, i)
	}
	w.beat(ctx.Self())
	if w.draining {
		w.over()
	}
}

// spawn starts a worker, which knows at once what the others know: a picture may have been in the mailbox of a
// predecessor that never opened it.
func (w *workers) spawn(ctx actor.Context, number int) {
	pid, err := ctx.SpawnNamed(w.posts[number].props(w), workerName(number))
	if err != nil {
		panic(err)
	}
	w.children = append(w.children, &child{pid: pid, helper: -1})
	if w.snapshot != nil {
		ctx.Send(pid, w.snapshot)
	}
}

// over ends a drain for whose connections there is nobody any more: they went with the actor before this one.
func (w *workers) over() {
	for number := range w.children {
		w.emptied(number)
		w.drained(messages.Drained{Worker: number})
	}
}

// serving notes that a worker accepts connections, for the first time or again.
func (w *workers) serving(number int) {
	c := w.children[number]
	wasMissed := c.missed
	c.serves, c.away, c.missed, c.degraded = true, false, false, false
	if wasMissed {
		w.takeBack(number)
	}
	w.lendAll()
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
	w.draining, w.moving = true, m.Move
	for _, p := range w.posts {
		p.retire()
	}
	for i, c := range w.children {
		if c.away || c.degraded || c.drained {
			w.emptied(i)
			w.drained(messages.Drained{Worker: i})
			continue
		}
		ctx.Send(c.pid, m)
	}
}

// emptied tells whoever holds the sockets when nothing is left in any of their queues.
func (w *workers) emptied(number int) {
	w.children[number].emptied = true
	for _, c := range w.children {
		if !c.emptied {
			return
		}
	}
	w.fate.empty()
}

// unable gives a worker up that cannot start, and would not another time.
func (w *workers) unable(m unable) {
	c := w.children[m.worker]
	c.serves, c.degraded, c.missed = false, true, true
	w.log.Error().Int("worker", m.worker).Str("reason", m.reason).Msg("a worker cannot start and is given up")
	if !w.fate.serves() {
		w.fate.end(fmt.Errorf("worker %d cannot start: %s", m.worker, m.reason))
		return
	}
	w.endWithoutWorkers()
	w.lendAll()
}

// drained ends the balancer when the last worker has ended its last exchange.
func (w *workers) drained(m messages.Drained) {
	c := w.children[m.Worker]
	c.drained = true
	if c.leaving && !w.draining {
		w.system.Root.Stop(c.pid)
		return
	}
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

// childFailed clears the seat at once: a worker that failed serves nobody until it is restarted. Nor does it accept for
// others: someone else has to.
func (w *workers) childFailed(f supervisor.Failure) {
	number, ok := w.number(f.Name)
	if !ok {
		return
	}
	c := w.children[number]
	w.posts[number].clear()
	c.serves, c.degraded = false, f.Decision.Degraded
	if w.draining || c.leaving {
		w.emptied(number)
		w.drained(messages.Drained{Worker: number})
	}
	if c.degraded {
		w.endWithoutWorkers()
	}
	for _, other := range w.children {
		if other.helper == number {
			other.helper = -1
		}
	}
	w.lendAll()
}

func (w *workers) childAway(name string, delay time.Duration) {
	number, ok := w.number(name)
	if !ok {
		return
	}
	c := w.children[number]
	c.away, c.missed = true, delay >= awayFrom
	w.lendAll()
}

// endWithoutWorkers ends the balancer if the budget of every worker is spent.
func (w *workers) endWithoutWorkers() {
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

func (w *workers) number(name string) (int, bool) {
	var n int
	if _, err := fmt.Sscanf(name, "worker/%d", &n); err != nil || n < 0 || n >= len(w.children) {
		return 0, false
	}
	return n, true
}
