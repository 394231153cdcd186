package actors

import (
	"fmt"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// answer carries out an order and responds.
func (b *backends) answer(ctx actor.Context, order any) {
	switch m := order.(type) {
	case messages.BackendsAsked:
		ctx.Respond(b.statuses())
	case messages.BackendsRecorded:
		ctx.Respond(b.records())
	case messages.DrainBackend:
		ctx.Respond(b.command(ctx, m.ID, func(e *entry) error { e.drained = true; return nil }))
	case messages.EnableBackend:
		ctx.Respond(b.command(ctx, m.ID, func(e *entry) error { e.drained = false; return nil }))
	case messages.WeighBackend:
		ctx.Respond(b.command(ctx, m.ID, func(e *entry) error { return e.weigh(m.Weight) }))
	}
}

// command changes an entry by order.
func (b *backends) command(ctx actor.Context, id string, change func(*entry) error) messages.Done {
	e := b.entries[id]
	if e == nil {
		return messages.Done{Err: &messages.InvalidError{
			Subject: "backend", Word: id, Why: "there is no such backend", Nearest: messages.Nearest(id, b.ids()),
		}}
	}
	if err := change(e); err != nil {
		return messages.Done{Err: err}
	}
	b.assign(ctx, e)
	b.change(ctx)
	return messages.Done{}
}

func (e *entry) weigh(weight int) error {
	if weight < 0 || weight > messages.MaxWeight {
		return &messages.InvalidError{
			Subject: "weight", Word: strconv.Itoa(weight), Why: fmt.Sprintf("must be 0 to %d", messages.MaxWeight),
		}
	}
	e.weight = weight
	return nil
}

func (b *backends) ids() (ids []string) {
	for _, e := range b.order {
		ids = append(ids, e.backend.ID())
	}
	return ids
}

func (b *backends) statuses() []messages.BackendStatus {
	list := make([]messages.BackendStatus, 0, len(b.order))
	now := time.Now()
	for _, e := range b.order {
		list = append(list, e.status(now, b.config.SlowStart))
	}
	return list
}
