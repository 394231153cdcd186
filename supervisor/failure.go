package supervisor

import (
	"errors"
	"log/slog"
	"time"
)

// ErrGoexit is the reason of a failure when code ended its goroutine by runtime.Goexit instead of returning.
var ErrGoexit = errors.New("runtime.Goexit was called")

// ErrNilMessage is the reason of a failure when nil was sent to an actor. The message is dropped: it would keep a core
// busy for ever.
var ErrNilMessage = errors.New("nil was sent as a message")

// Failure is what is known of one failure of an actor or a goroutine. It is a value and is not written after it was
// made.
type Failure struct {
	Time     time.Time
	Actor    string // id, the whole path: "lb/workers/worker/0"; of a goroutine: "goroutine " and its name
	Name     string // what its parent calls it: "worker/0"
	Reason   any    // what was passed to panic
	Text     string // the reason, rendered when it happened; at most 1 KiB
	Received string // type of the message that was being received: "*actor.Started"; "<nil>" for a goroutine
	Stack    []byte // from the panicking function downwards, at most 16 KiB
	Decision Decision
	Caught   bool // it was kept from doing harm: there is no decision, nothing was restarted
}

// Outcome renders what followed from the failure.
func (f Failure) Outcome() string {
	if f.Caught {
		return "caught"
	}
	return f.Decision.String()
}

func logFailure(log *slog.Logger, f Failure, outcome string) {
	log.Error("actor failed", "actor", f.Actor, "reason", f.Text, "received", f.Received, "outcome", outcome,
		"failures", f.Decision.Failures, "stack", string(f.Stack[:min(len(f.Stack), maxLogged)]))
}
