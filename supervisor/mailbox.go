package supervisor

import "github.com/asynkron/protoactor-go/actor"

// mailbox wraps an actor's mailbox to stand between it and the actor: failures get their stack there, and the guard
// survives there what no recover can.
type mailbox struct {
	actor.Mailbox
	system *System
	guard  *guard // set by RegisterHandlers, before the first message
}

func (s *System) mailbox() actor.Mailbox { return &mailbox{Mailbox: unbounded(), system: s} }

// unbounded makes the mailboxes that are wrapped. Bounded ones have no place here: one kind blocks the sender, which
// may be an event loop, and the other spins after an overflow.
var unbounded = actor.Unbounded()

// PostUserMessage drops nil, on which the mailbox would spin for ever.
func (m *mailbox) PostUserMessage(message any) {
	if message == nil {
		m.guard.caught(newCrash(ErrNilMessage), nil)
		return
	}
	m.Mailbox.PostUserMessage(message)
}

// RegisterHandlers is called once per actor: on its parent's thread, with the actor's context, before its first
// message.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.guard = &guard{system: m.system, context: invoker.(actor.Context), mailbox: m.Mailbox}
	m.guard.context.Set(m.guard)
	m.system.join(m.guard)
	i := &guardedInvoker{invoker, m.guard}
	m.Mailbox.RegisterHandlers(i, &guardedDispatcher{dispatcher, i})
}

// guardedInvoker is what the mailbox takes for the actor.
type guardedInvoker struct {
	actor.MessageInvoker
	guard *guard
}

// InvokeSystemMessage keeps a restart from an actor that is stopping: it would rise again.
func (i *guardedInvoker) InvokeSystemMessage(message any) {
	if _, ok := message.(*actor.Restart); ok && i.guard.ended() {
		return
	}
	i.MessageInvoker.InvokeSystemMessage(message)
}

// EscalateFailure runs on the stack of the panic, which therefore can still be read. A failure while the last one is
// not dealt with yet, upon a system message, is nobody's to act upon.
func (i *guardedInvoker) EscalateFailure(reason, message any) {
	c := newCrash(reason)
	if i.guard.now() == failed {
		i.guard.caught(c, message)
		return
	}
	if i.guard.now() == running { // a restart that fails stays a restart: its rites are not held twice
		i.guard.enter(failed)
	}
	c.guard = i.guard
	i.MessageInvoker.EscalateFailure(c, message)
}
