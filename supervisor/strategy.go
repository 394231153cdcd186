package supervisor

import (
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Strategy restarts failing children: each by its own score, none because of a sibling, and always again. Embedded in
// an actor it is that actor's strategy and runs in its mailbox, on its dispatcher. It never blocks. The zero value
// works.
//
// A child that waits for its restart keeps its messages: its mailbox is suspended, and the new instance receives them.
// What it was receiving when it failed is dropped. A restart that was put off comes to HandleFailure as well, as a
// failure with a reason that is not exported: an actor with a HandleFailure of its own passes on what it does not know.
//
// Set the fields before the first child is spawned.
type Strategy struct {
	Backoff Backoff
	Hooks   Hooks
}

// Hooks tell an actor of its children; each may be nil. They run in the mailbox of the actor that embeds the Strategy,
// on whatever thread that is. One that panics is logged and otherwise ignored.
type Hooks struct {
	// ChildFailed is told of each failure, decision included.
	ChildFailed func(Failure)
	// ChildAway is told that a restart is put off: the child does nothing for that long.
	ChildAway func(name string, delay time.Duration)
	// ChildBack is told that a restart which was put off is ordered. If it fails, ChildFailed follows.
	ChildBack func(name string)
	// Degraded is told that the budget is overdrawn, and not again before there was a failure within the budget.
	Degraded func(name string)
}

// HandleFailure implements actor.SupervisorStrategy. It never escalates, and stops only a child that is not from
// System.Props: such a one has no score, and would be restarted in a tight loop.
func (s *Strategy) HandleFailure(system *actor.ActorSystem, parent actor.Supervisor, who *actor.PID,
	_ *actor.RestartStatistics, reason, message any,
) {
	switch r := reason.(type) {
	case *crash:
		s.failed(r, message)
	case *due:
		s.bringBack(r)
	default:
		f := newCrash(reason).failure(who.GetId(), who.GetId(), message)
		logFailure(system.Logger(), f, "stopped: it has no guard")
		parent.StopChildren(who)
	}
}

func (s *Strategy) failed(c *crash, message any) {
	g := c.guard
	if g.ended() {
		g.caught(c, message)
		return
	}
	f, spent := g.record.judge(s.Backoff, c.failure(g.id(), nameOf(g), message))
	s.tell(g.system, f, spent)
	if f.Decision.Delay > 0 {
		g.restartIn(f.Decision.Delay)
		return
	}
	g.restart()
}

// tell records, logs and reports a failure.
func (s *Strategy) tell(system *System, f Failure, spent bool) {
	system.History.Add(f)
	logFailure(system.Logger(), f, f.Decision.String())
	hook(system, s.Hooks.ChildFailed != nil, func() { s.Hooks.ChildFailed(f) })
	hook(system, spent && s.Hooks.Degraded != nil, func() { s.Hooks.Degraded(f.Name) })
	away := f.Decision.Delay > 0 && s.Hooks.ChildAway != nil
	hook(system, away, func() { s.Hooks.ChildAway(f.Name, f.Decision.Delay) })
}

func (s *Strategy) bringBack(d *due) {
	if !d.claim() {
		return
	}
	hook(d.guard.system, s.Hooks.ChildBack != nil, func() { s.Hooks.ChildBack(nameOf(d.guard)) })
	d.guard.restart()
}

// hook calls fn if it is wanted. A panic here would fail the parent for the fault of its child, or, under a guardian,
// end the process.
func hook(system *System, wanted bool, fn func()) {
	if !wanted {
		return
	}
	defer logPanic(system.Logger(), "a supervision hook panicked")
	fn()
}

// backoffs is implemented by the actors that embed a Strategy, and by nothing else.
type backoffs interface{ backoffOfChildren() Backoff }

func (s *Strategy) backoffOfChildren() Backoff { return s.Backoff }

// nameOf returns what its parent calls an actor; for one at the root, whose guardian has another name, that is its id.
func nameOf(g *guard) string {
	return strings.TrimPrefix(g.id(), g.context.Parent().GetId()+"/")
}
