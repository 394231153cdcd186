package upstream

import "lb/proxy/semantics"

// Attempt is one try to have a request answered by a backend: a connection of HTTP/1.1, or a stream of one that speaks
// HTTP/2. Its methods are for the loop's thread. It is the exchange's until that hears End or Failed, or calls Cancel.
type Attempt interface {
	// Ready reports whether the request may be written at once. Otherwise the exchange will hear Connected.
	Ready() bool
	// Reused reports whether the connection has served another exchange before.
	Reused() bool
	// Alive reports whether a reused connection has neither ended nor been reset, as far as can be known. It may cost
	// a system call.
	Alive() bool
	// Refusable reports whether the backend may say later that it has not looked at the request: then it may be sent
	// again, whatever its method is.
	Refusable() bool
	// Request writes the head. Flush sends it, with what of the body is there by then.
	Request(r *semantics.Request, target []byte)
	// Data writes a piece of the body, which may be used again after Flush.
	Data(b []byte)
	// EndRequest ends the body. The trailers must stay as they are until the exchange is over.
	EndRequest(trailers []semantics.Field)
	// Flush sends what was written, at the end of the loop's round at the latest.
	Flush()
	// Pending is how many bytes of the request wait to be sent, though the exchange has flushed them. Once there are
	// none, the exchange hears Writable.
	Pending() int
	// Room is how many bytes of the request would be taken at once now, roughly. It costs a system call.
	Room() int
	// Pause stops the response: what came was not passed on to the client yet. A little may come all the same.
	Pause()
	// Resume has the response go on.
	Resume()
	// Abundant reports whether the backend is ahead of us: the last read brought all that it could hold.
	Abundant() bool
	// Widen makes the next read a wide one.
	Widen()
	// Cancel gives the attempt up. The exchange hears nothing of it.
	Cancel()
}

// Want is what an exchange needs of an attempt.
type Want struct {
	// Fresh: no connection that waited idle. The exchange has met one that was dead.
	Fresh bool
	// Tunnel: the protocol may change, which only HTTP/1.1 can (RFC 9113 §8.6).
	Tunnel bool
}

var (
	_ Attempt = (*Conn)(nil)
	_ Attempt = (*Stream)(nil)
)
