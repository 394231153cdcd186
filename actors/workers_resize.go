package actors

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// The number of workers changes while they serve. Sockets are dealt out anew and never closed: those of a worker that
// is given up are accepted from by another one, so that nothing in their queues is lost.

// dismissedWithin is how long the exchanges of a worker that is given up may last.
const dismissedWithin = 30 * time.Second

var (
	errEnding    = errors.New("all workers are about to end")
	errShrinking = errors.New("workers that were given up before still have exchanges to finish")
	errBeginning = errors.New("not all workers serve yet")
)

type (
	// resize orders that there is one worker for each share of the sockets; without shares it only asks whether that would
	// be possible. The answer is a messages.Done.
	resize struct{ shares [][]int }
	// lastCounted are the last counters of a worker that is gone.
	lastCounted struct {
		worker int
		stats  messages.Stats
	}
)

// Resizable returns why the number of workers cannot be changed now; nil: it can.
func (b *Balancer) Resizable() error { return b.Resize(nil) }

// Resize has one worker for each share of the sockets from now on. Those that are too many finish what they do and hand
// over tunnels and connections that wait for a request.
func (b *Balancer) Resize(shares [][]int) error {
	done, err := answer[messages.Done](b.system.Root.RequestFuture(b.workers, resize{shares}, answerWithin))
	return errors.Join(err, done.Err)
}

func (w *workers) resize(ctx actor.Context, m resize) error {
	if err := w.resizable(); err != nil || m.shares == nil {
		return err
	}
	before := len(w.children)
	w.shares = m.shares
	w.size.Store(int64(len(m.shares)))
	for i := before; i < len(m.shares); i++ {
		if err := w.hire(ctx, i); err != nil {
			return err
		}
	}
	for i, share := range m.shares[:min(before, len(m.shares))] {
		w.posts[i].assign(share)
		ctx.Send(w.children[i].pid, listenOn{fds: share, size: len(m.shares)})
	}
	for i := len(m.shares); i < before; i++ {
		w.dismiss(ctx, i)
	}
	w.log.Info().Int("from", before).Int("to", len(m.shares)).Msg("the number of workers changes")
	return nil
}

func (w *workers) resizable() error {
	switch {
	case w.draining:
		return errEnding
	case !w.fate.serves():
		return errBeginning
	}
	for _, c := range w.children {
		if c.leaving {
			return errShrinking
		}
	}
	return nil
}

// hire has another worker.
func (w *workers) hire(ctx actor.Context, number int) error {
	if err := w.add(number); err != nil {
		return err
	}
	w.heartbeat.pulses = append(w.heartbeat.pulses, pulse{heard: time.Now()})
	w.spawn(ctx, number)
	return nil
}

// dismiss gives a worker up as soon as it has nothing to do any more.
func (w *workers) dismiss(ctx actor.Context, number int) {
	c := w.children[number]
	w.posts[number].retire()
	c.leaving, c.serves = true, false
	if c.away || c.degraded {
		w.drained(messages.Drained{Worker: number})
		return
	}
	ctx.Send(c.pid, messages.Drain{Within: dismissedWithin, Move: true})
}

// dismissed asks the place of a worker that is gone what it has counted.
func (w *workers) dismissed(self, who *actor.PID) {
	for i, c := range w.children {
		if c.leaving && c.pid.Equal(who) {
			w.posts[i].count(func(s messages.Stats) { w.system.Root.Send(self, lastCounted{i, s}) })
		}
	}
}

// remove notes the last counters of a worker and clears its place, and those behind it that wait for their turn. Until
// then the place is asked like any other: the counters become past only when it is cut, or they would count twice.
func (w *workers) remove(m lastCounted) {
	if m.worker >= len(w.children) || !w.children[m.worker].leaving {
		return // of an actor before this one
	}
	c := w.children[m.worker]
	w.stats[m.worker] = m.stats
	c.removed = true
	for last := len(w.children) - 1; last >= 0 && w.children[last].removed; last-- {
		w.children, w.heartbeat.pulses = w.children[:last], w.heartbeat.pulses[:last]
		w.cut(last)
	}
}

// forget clears the places of workers that were given up and have gone with the actor before this one.
func (w *workers) forget() {
	if len(w.posts) > len(w.shares) {
		w.cut(len(w.shares))
		w.heartbeat.pulses = w.heartbeat.pulses[:len(w.shares)]
	}
}

// cut closes the posts from a number on.
func (b *briefing) cut(to int) {
	for i, p := range b.posts[to:] {
		p.close()
		b.past = b.past.Add(b.stats[to+i]).Idle()
	}
	b.posts, b.stats = b.posts[:to], b.stats[:to]
}

// moved deals connections of a worker that is given up out to the others, or hands them over if all are.
func (w *workers) moved(m moved) {
	switch {
	case w.draining && w.moving:
		w.fate.move(m)
	case w.draining: // of a worker that was given up before: nobody takes it
		discard(m.fds)
	default:
		w.adopt(adopt(m))
	}
}
