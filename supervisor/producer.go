package supervisor

import "github.com/asynkron/protoactor-go/actor"

// careful makes a producer return an actor in any case. A bare one that panics fails the parent in the middle of its
// Receive at the first spawn, and leaves the old instance in place at a restart.
func careful(producer actor.Producer) actor.Producer {
	return func() (a actor.Actor) {
		defer func() {
			if reason := recover(); reason != nil {
				a = stillborn{newCrash(reason)}
			}
		}()
		return producer()
	}
}

// stillborn stands for an actor whose producer panicked, and fails in its place when it is started.
type stillborn struct{ crash *crash }

// Receive panics with what the producer panicked with.
func (s stillborn) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		panic(s.crash)
	}
}
