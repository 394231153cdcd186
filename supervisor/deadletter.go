package supervisor

import (
	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"
)

// ownDeadLetters takes the messages that nobody receives away from protoactor-go, by giving the system a new event
// stream. The stock subscriber starts a goroutine with a ticker at the first letter of each second, whatever the
// throttle's options say, and one that panics would end the process. It must be called before the system is used.
func ownDeadLetters(system *actor.ActorSystem) {
	system.EventStream = eventstream.NewEventStream()
	system.EventStream.Subscribe(func(event any) {
		defer logPanic(system.Logger(), "the handling of a dead letter panicked")
		if letter, ok := event.(*actor.DeadLetterEvent); ok {
			answer(system, letter)
			logLetter(system, letter)
		}
	})
}

// answer tells those who wait: a request ends at once, not by its time-out, and who watches an actor that is gone
// learns so.
func answer(system *actor.ActorSystem, letter *actor.DeadLetterEvent) {
	if letter.Sender != nil {
		system.Root.Send(letter.Sender, &actor.DeadLetterResponse{})
	}
	watch, ok := letter.Message.(*actor.Watch)
	if !ok {
		return
	}
	if p, alive := system.ProcessRegistry.Get(watch.Watcher); alive {
		p.SendSystemMessage(watch.Watcher, &actor.Terminated{Who: letter.PID, Why: actor.TerminatedReason_NotFound})
	}
}

func logLetter(system *actor.ActorSystem, letter *actor.DeadLetterEvent) {
	if _, quiet := letter.Message.(actor.IgnoreDeadLetterLogging); !quiet {
		system.Logger().Debug("dead letter", "actor", letter.PID, "message", letter.Message, "sender", letter.Sender)
	}
}
