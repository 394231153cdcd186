package upstream

import (
	"lb/messages"
	"lb/proxy/semantics"
)

// Exchange is what an attempt is made for. It is called on the loop's thread. Heads and data are slices of the read
// buffer: good during the call only.
type Exchange interface {
	// Connected says that the request may be written. The attempt takes the place of the one that was not Ready, and
	// may be the same: which protocol the backend speaks may be known only now.
	Connected(a Attempt)
	// Response brings an interim or the final head of the response.
	Response(r *semantics.Response)
	// Data brings a piece of the response's body.
	Data(b []byte)
	// Pushed says that all that one read brought was told: it is to be sent on.
	Pushed()
	// End says that the response is complete. The attempt is the exchange's no longer; fields are the trailers.
	End(trailers []semantics.Field)
	// Writable says that the queue of request bytes, which was not empty, is empty.
	Writable()
	// Failed says that the attempt is over.
	Failed(f Failure)
	// Crashed says that the code which served the connection panicked. Nothing of the exchange can be trusted.
	Crashed()
}

// Failure is how an attempt failed, and what of it had happened by then: the rules of retrying hang on that.
type Failure struct {
	Reason   messages.Reason
	Detail   string // of a malformed response, or of the socket's error; may be empty
	Sent     bool   // the backend may have got at least one byte of the request, and did not say that it ignored it
	Answered bool   // at least one byte of a response came
	Reused   bool   // the connection had served another exchange before, and is dead
}
