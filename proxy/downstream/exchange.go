package downstream

import (
	"lb/messages"
	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// Server begins exchanges.
type Server interface {
	// Serve begins the exchange of a request, which it tells the connection by Begin; it may be over when Serve returns.
	// head is the whole head as it came; it and r are good during the call only.
	Serve(c *Conn, r *semantics.Request, head []byte)
	// Refuse answers a request that is not forwarded because of err, which is the client's fault. The connection ends
	// after the answer.
	Refuse(c *Conn, err *h1.Error)
	// Late answers a request whose head did not come in time.
	Late(c *Conn)
	// Left says that a connection was closed, by whichever side.
	Left(c *Conn)
}

// Exchange is what a request is handed to. It is called on the loop's thread. Data is good during the call only.
type Exchange interface {
	// Data brings a piece of the request's body.
	Data(b []byte)
	// End says that the request is complete; fields are its trailers.
	End(trailers []semantics.Field)
	// Pushed says that all that one read brought was told: it is to be sent on.
	Pushed()
	// Malformed says that the request's body is not well formed, or larger than allowed.
	Malformed(err *h1.Error)
	// Writable says that the queue of response bytes, which was not empty, is empty.
	Writable()
	// Aborted says that the client is gone, or fell silent for too long.
	Aborted(reason messages.Reason)
	// Crashed says that the code which served the connection panicked. Nothing of the exchange can be trusted.
	Crashed()
}
