package supervisor

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/ctxext"
)

// phase is where an actor stands in its life.
type phase int32

const (
	running phase = iota
	failed
	restarting
	stopping
	stopped
)

// String returns the phase as the tree shows it.
func (p phase) String() string {
	return [...]string{"running", "failed", "restarting", "stopping", "stopped"}[p]
}

// guardID is the key by which an actor's context holds its guard.
var guardID = ctxext.NextContextExtensionID()

// guard follows one actor through all its instances and sees to it that each phase of its life ends.
type guard struct {
	// Immutable.
	system  *System
	context actor.Context
	mailbox actor.Mailbox

	// Any goroutine.
	phase  atomic.Int32 // written by the actor's own thread only
	record record

	// The actor's own thread only.
	rites bool // a message is being delivered while the actor restarts or stops
}

// ExtensionID implements ctxext.ContextExtension.
func (*guard) ExtensionID() ctxext.ContextExtensionID { return guardID }

func (g *guard) now() phase { return phase(g.phase.Load()) }

func (g *guard) enter(p phase) { g.phase.Store(int32(p)) }

// ending says that the present instance is on its way out, for good or to be replaced.
func (g *guard) ending() bool { return g.now() >= restarting }

// ended says that the actor stops or has stopped.
func (g *guard) ended() bool { return g.now() >= stopping }

// restart orders a restart of this very actor. By its pid it might reach a successor of the same name.
func (g *guard) restart() { g.mailbox.PostSystemMessage(&actor.Restart{}) }

// watch is the receiver middleware that each actor is behind.
func watch(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(ctx actor.ReceiverContext, envelope *actor.MessageEnvelope) {
		g := ctx.Get(guardID).(*guard)
		if !g.follow(envelope.Message) {
			return
		}
		if g.ending() {
			g.deliver(next, ctx, envelope)
			return
		}
		sabotage(envelope.Message)
		next(ctx, envelope)
	}
}

// follow moves to the phase that message begins. It is false for what the actor must not see: its end a second time,
// and the end of its children while it goes itself, for an actor that spawns them anew would never come to an end.
func (g *guard) follow(message any) bool {
	was := g.now()
	switch message.(type) {
	case *actor.Started:
		g.enter(running)
		g.record.start()
	case *actor.Restarting:
		g.enter(restarting)
		g.record.dropDue()
		return was != restarting
	case *actor.Stopping:
		g.enter(stopping)
		g.record.dropDue()
	case *actor.Stopped:
		g.enter(stopped)
		g.system.leave(g)
		return was != stopped
	case *actor.Terminated:
		return !g.ending()
	}
	return true
}

// deliver passes a message to an instance that is on its way out. Neither a panic nor a child that is born now may keep
// it from going: nobody would stop such a child, and protoactor-go waits for the last.
func (g *guard) deliver(next actor.ReceiverFunc, ctx actor.ReceiverContext, envelope *actor.MessageEnvelope) {
	before := len(g.context.Children())
	defer func() {
		if reason := recover(); reason != nil {
			g.rites = false
			g.caught(newCrash(reason), envelope.Message)
		}
		for _, late := range g.context.Children()[before:] {
			g.context.Stop(late)
		}
	}()
	g.rites = true
	next(ctx, envelope)
	g.rites = false
}

// caught reports a failure that was kept from doing harm.
func (g *guard) caught(c *crash, message any) {
	f := c.failure(g.id(), g.id(), message)
	f.Caught = true
	g.system.caught(f)
}

func (g *guard) id() string { return g.context.Self().Id }
