package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// poolStats asks a pool for its statistics; the answer is a messages.PoolStats.
type poolStats struct{}

// pool is the actor that looks after the backend connections of a worker. It runs on the worker's loop.
type pool struct{ seat *seat }

// Receive implements actor.Actor, on the loop's thread.
func (p *pool) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case poolStats:
		var s messages.PoolStats
		if w := p.seat.worker; w != nil {
			s = w.PoolStats()
		}
		ctx.Respond(s)
	case *actor.Stopping, *actor.Restarting:
		if w := p.seat.worker; w != nil {
			w.CloseIdle()
		}
	}
}
