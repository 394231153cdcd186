package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/actors/health"
	"lb/messages"
)

// Requests alone take down no more than half of the backends: it may be they that are at fault, one URL that no backend can
// stand for one. Who the others are only the parent knows, so that a backend asks before it goes down by them. A probe
// decides on those that are too many.

type (
	// doubted: requests would take the backend of that ID down.
	doubted struct{ id string }
	// fallen answers that it is to go down.
	fallen struct{}
	// spared answers that enough are down for no other reason: a probe decides.
	spared struct{}
)

// attempted counts what a worker saw. It is not reported unless it changes the state: a backend without ejection may fail
// thousands of times a second.
func (b *backend) attempted(ctx actor.Context, o messages.Outcome) {
	now := time.Now()
	next, a := *b.machine, health.Attempt{Began: o.Began, Reason: o.Reason}
	t, _ := next.Attempt(now, a)
	if t.To == messages.Down {
		b.ask(ctx, a)
		return
	}
	*b.machine = next
	if b.turn(now, t.Reason) {
		b.report(ctx)
		b.hurry(ctx)
	}
}

// ask keeps the attempt that would take the backend down, until the parent or a probe has decided.
func (b *backend) ask(ctx actor.Context, a health.Attempt) {
	if b.doubt == nil {
		b.doubt = &a
		ctx.Send(ctx.Parent(), doubted{b.id})
	}
}

// fall counts the attempt after all, unless a probe was faster.
func (b *backend) fall(ctx actor.Context) {
	if b.doubt == nil {
		return
	}
	now := time.Now()
	t, _ := b.machine.Attempt(now, *b.doubt)
	b.doubt, b.known.felled = nil, true
	b.turn(now, t.Reason)
	b.report(ctx)
	b.hurry(ctx)
}

// judge answers a backend that is about to go down by requests. The others may be so, too: one is told at a time, and
// does not count as up from then on.
func (b *backends) judge(ctx actor.Context, id string) {
	e := b.entries[id]
	if e == nil || e.pid == nil {
		return
	}
	if !b.sparesEnough(e) {
		ctx.Send(e.pid, spared{})
		return
	}
	e.falls = true
	ctx.Send(e.pid, fallen{})
}

// sparesEnough reports whether a backend may go down by requests: with it, they have felled at most half of those that
// nothing else speaks against.
func (b *backends) sparesEnough(one *entry) bool {
	felled, all := 1, 1
	for _, e := range b.order {
		switch {
		case e == one || len(e.last.addresses) == 0:
		case e.falls || e.last.felled && e.last.state == messages.Down:
			felled++
			all++
		case e.last.state == messages.Up:
			all++
		}
	}
	return 2*felled <= all
}
