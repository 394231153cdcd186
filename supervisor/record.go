package supervisor

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// record is what is remembered of an actor through all its instances. Its zero value is that of an actor not started
// yet; it may be used by several goroutines. It ends with the actor, so that a newcomer of the same name begins clean.
type record struct {
	mu      sync.Mutex
	backoff Backoff // of the strategy that supervises the actor
	score   Score
	last    Failure   // the latest that was judged
	started time.Time // when the present instance was started
	starts  int       // instances that were started
	due     *due      // the restart that is put off; nil: none
}

// due is one restart that is put off. It is good once: any later event in the actor's life makes it void.
type due struct {
	guard *guard
	timer *time.Timer
}

func (r *record) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = time.Now()
	r.starts++
}

// judge decides about a failure and remembers it. spent says that this is the failure which exhausts the budget.
func (r *record) judge(b Backoff, f Failure) (judged Failure, spent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backoff = b
	r.score, f.Decision = b.Next(r.score, f.Time, rand.Float64())
	spent = f.Decision.Degraded && !r.last.Decision.Degraded
	r.last = f
	return f, spent
}

func (r *record) dropDue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due != nil {
		r.due.timer.Stop()
		r.due = nil
	}
}

// restartIn puts a restart off.
func (g *guard) restartIn(delay time.Duration) {
	d := &due{guard: g}
	g.record.mu.Lock()
	defer g.record.mu.Unlock()
	g.record.due = d
	d.timer = g.system.Goroutines.After("restart "+g.id(), delay, d.report)
}

// report brings a due restart to the strategy that put it off. It travels as a failure, because that is the one system
// message which leads there, from the parent's mailbox or through a guardian; and unlike a user message it reaches a
// parent that has failed itself.
func (d *due) report() {
	parent := d.guard.context.Parent()
	if p, alive := d.guard.system.ProcessRegistry.Get(parent); alive {
		p.SendSystemMessage(parent, &actor.Failure{Who: d.guard.context.Self(), Reason: d})
	}
}

// claim says whether a due restart is still wanted, once.
func (d *due) claim() bool {
	r := &d.guard.record
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due != d {
		return false
	}
	r.due = nil
	return true
}
