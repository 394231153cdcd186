package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// received is the context of one message.
type received struct {
	actor.Context
	message any
}

func (r received) Message() any { return r.message }

// A worker that has left its seat still gets messages, until its pool has stopped. They are not for it any more, but who
// waits for a socket to be given back is told.
func TestStoppingWorkerTakesMessages(t *testing.T) {
	t.Parallel()
	w := &worker{seat: &seat{}}
	told := false
	for _, message := range []any{
		&actor.Stopping{}, &messages.Snapshot{Generation: 1}, lend{fd: 3}, reclaim{fd: 3, then: func() { told = true }},
	} {
		w.Receive(received{message: message})
	}
	if !told {
		t.Error("nobody is told that a socket was given back")
	}
}
