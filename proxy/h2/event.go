package h2

import "lb/proxy/semantics"

// Kind of an Event.
type Kind uint8

// The kinds.
const (
	// Nothing: the frame is consumed, and there is nothing to tell of it.
	Nothing Kind = iota
	// Settled: the server's settings came. Streams may be opened from the first time on.
	Settled
	// Head: an interim or the final head of the stream's response. With Last there is nothing behind it.
	Head
	// Data: a piece of the body, which may be empty. With Last it is the end of the response.
	Data
	// Trailers: the end of the response.
	Trailers
	// Reset: the server gave the stream up. It is over.
	Reset
	// Broken: the server broke a rule on the stream, for the reason Err. The stream is over, and the server told.
	Broken
	// Window: more of the request's body may be sent, on the stream, or if that is nil on any.
	Window
	// GoAway: the server opens no more streams; those above LastID it has not looked at, and they are over.
	GoAway
)

// Event is what one frame has to say. Its Data is a part of what was read; heads and trailers are good until Release.
type Event struct {
	Kind     Kind
	Last     bool // the response is complete
	Stream   *Stream
	Response *semantics.Response
	Data     []byte
	Trailers []semantics.Field
	Code     Code
	LastID   uint32
	Err      *Error
}
