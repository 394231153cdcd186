package supervisor

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
)

// maxLogged bounds the part of a stack that goes into one log line, in bytes; the history has the rest.
const maxLogged = 2 << 10

// handler makes the records of protoactor-go fit for our log.
type handler struct{ slog.Handler }

// Handle drops what is said better elsewhere and renders the rest. A panic in the log would end the process where
// protoactor logs while it handles a failure.
func (h handler) Handle(ctx context.Context, r slog.Record) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("log handler panicked: %v", reason)
		}
	}()
	switch r.Message {
	case "actor system started", "[ACTOR] Recovering":
		return nil // the banner; Strategy says it with the stack and the decision
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(rendered(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = rendered(a)
	}
	return handler{h.Handler.WithAttrs(out)}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// rendered shows a pid by its id, and a message by its type: its content may be large, secret, or still be written to.
// The key "message" is taken by the text of the line itself.
func rendered(a slog.Attr) slog.Attr {
	if a.Key == "message" {
		return slog.String("received", fmt.Sprintf("%T", a.Value.Any()))
	}
	if pid, ok := a.Value.Any().(*actor.PID); ok {
		return slog.String(a.Key, pid.GetId())
	}
	return a
}

// logPanic is to be deferred: it ends a panic with a line in the log.
func logPanic(log *slog.Logger, what string) {
	if reason := recover(); reason != nil {
		c := newCrash(reason)
		log.Error(what, "reason", c.text, "stack", string(c.stack[:min(len(c.stack), maxLogged)]))
	}
}
