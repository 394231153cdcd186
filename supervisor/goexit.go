package supervisor

import "github.com/asynkron/protoactor-go/actor"

// guardedDispatcher runs the mailbox where the actor's dispatcher says, with no other goroutine in between. It survives
// a runtime.Goexit in Receive, which ends the goroutine whatever one does: the mailbox would count as running for ever.
// An event loop ends with its goroutine; its owner has to see to that.
type guardedDispatcher struct {
	actor.Dispatcher
	invoker *guardedInvoker
}

// Schedule has the dispatcher run fn, the mailbox's loop.
func (d *guardedDispatcher) Schedule(fn func()) {
	d.Dispatcher.Schedule(func() { d.run(fn) })
}

// run schedules the loop again when it was torn off, to go on with the next message.
func (d *guardedDispatcher) run(fn func()) {
	returned := false
	defer func() {
		if !returned {
			d.invoker.survive(recover())
			d.Schedule(fn)
		}
	}()
	fn()
	returned = true
}

// survive deals with a message whose delivery never returned. reason is nil for a Goexit; anything else escaped from
// the handling of a failure.
func (i *guardedInvoker) survive(reason any) {
	if reason == nil {
		reason = ErrGoexit
	}
	g, c := i.guard, newCrash(reason)
	if !g.rites {
		i.EscalateFailure(c, g.context.Message())
		return
	}
	g.rites = false
	g.caught(c, g.context.Message())
	g.finish()
}

// finish takes up a stop or restart where the Goexit tore it off: the children are stopped, and the news of a death,
// the actor's own for want of another, makes protoactor-go look whether it may go on.
func (g *guard) finish() {
	for _, pid := range g.context.Children() {
		g.context.Stop(pid)
	}
	g.mailbox.PostSystemMessage(&actor.Terminated{Who: g.context.Self()})
}
