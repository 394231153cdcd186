package supervisor

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

const (
	maxText  = 1 << 10  // bytes kept of a reason's text
	maxStack = 16 << 10 // bytes kept of a stack: the history holds many
)

// crash is the value of a panic and where it came from, on its way from a failing actor to its parent.
type crash struct {
	reason any
	text   string
	stack  []byte
	guard  *guard // of the actor that failed; nil while that is not settled
}

// newCrash must be called while the stack of the failure still stands. fmt outlives a String or Error method that
// panics itself, and nobody has to render the value later, when its owner may be writing to it.
func newCrash(reason any) *crash {
	if c, ok := reason.(*crash); ok {
		return c
	}
	return &crash{reason: reason, text: textOf(reason), stack: stack()}
}

func textOf(reason any) string {
	text := fmt.Sprint(reason)
	return text[:min(len(text), maxText)]
}

func (c *crash) failure(id, name string, message any) Failure {
	return Failure{
		Time: time.Now(), Actor: id, Name: name,
		Reason: c.reason, Text: c.text, Stack: c.stack,
		Received: fmt.Sprintf("%T", actor.UnwrapEnvelopeMessage(message)),
	}
}

// stack returns the calling goroutine's stack without the frames between the failure and its discovery.
func stack() []byte {
	s := fromFailure(debug.Stack())
	return bytes.Clone(s[:min(len(s), maxStack)])
}

// fromFailure cuts everything above the function that panicked or called runtime.Goexit, so that the first line names
// it. A stack without such a mark stays whole.
func fromFailure(s []byte) []byte {
	first := len(s)
	for _, mark := range []string{"\npanic(", "\nruntime.Goexit("} {
		if i := bytes.Index(s[:first], []byte(mark)); i >= 0 {
			first = i
		}
	}
	if first == len(s) {
		return s
	}
	return afterLines(s[first+1:], 2) // a frame is a line for the function and one for the place
}

func afterLines(s []byte, n int) []byte {
	for range n {
		i := bytes.IndexByte(s, '\n')
		if i < 0 {
			return s
		}
		s = s[i+1:]
	}
	return s
}
