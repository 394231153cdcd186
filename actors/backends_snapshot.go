package actors

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// change orders a snapshot, one for all that has changed when its turn comes.
func (b *backends) change(ctx actor.Context) {
	if !b.dirty {
		b.dirty = true
		ctx.Send(ctx.Self(), publish{})
	}
}

// publish sends the workers a snapshot, but not while a name waits for its first lookup: requests would fail that another
// moment could serve. Workers answer to the sender, with outcomes.
func (b *backends) publish(ctx actor.Context) {
	b.dirty = false
	if b.waits() {
		return
	}
	b.generation++
	now := time.Now()
	s := &messages.Snapshot{
		Generation: b.generation, Config: b.config, Members: make([]messages.Member, 0, len(b.order)),
	}
	for _, e := range b.order {
		s.Members = append(s.Members, e.member(now, b.config.SlowStart))
	}
	ctx.Request(b.workers, s)
	b.stepOn(ctx)
}

func (b *backends) waits() bool {
	for _, l := range b.services {
		if !l.asked {
			return true
		}
	}
	return slices.ContainsFunc(b.order, func(e *entry) bool { return !e.settled() })
}

// hold bounds the wait for names, should a resolver not come back in time.
func (b *backends) hold(ctx actor.Context) {
	if b.waits() {
		stopTimers(b.waiver)
		b.waiver = b.later(ctx, lookupWithin, waive{})
	}
}

func (b *backends) waive(ctx actor.Context) {
	if !b.waits() {
		return
	}
	for _, l := range b.services {
		l.asked = true
	}
	for _, e := range b.order {
		e.waived = true
	}
	b.change(ctx)
}

// stepOn orders the next snapshot while a backend starts slowly.
func (b *backends) stepOn(ctx actor.Context) {
	rises := slices.ContainsFunc(b.order, func(e *entry) bool { return !e.rises.IsZero() })
	if rises && !b.stepping {
		b.stepping = true
		b.stepper = b.later(ctx, stepOf(b.config.SlowStart), step{})
	}
}

// later sends the actor a message of its own.
func (b *backends) later(ctx actor.Context, delay time.Duration, message any) *time.Timer {
	self := ctx.Self()
	return b.system.Goroutines.After("backends", delay, func() { b.system.Root.Send(self, message) })
}

func stopTimers(timers ...*time.Timer) {
	for _, t := range timers {
		if t != nil {
			t.Stop()
		}
	}
}
