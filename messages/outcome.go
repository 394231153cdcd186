package messages

import "time"

// Outcome tells the control plane how an attempt on a backend ended. A worker reports each failure, and of successes
// only the first one after a failure: so no message is sent per request while all is well.
type Outcome struct {
	// Backend is the ID.
	Backend string
	// Reason is NoReason for a success.
	Reason Reason
	// Worker is the number of the worker that saw it.
	Worker int
	// Began is when the attempt began.
	Began time.Time
}

// Failed reports whether the attempt failed.
func (o Outcome) Failed() bool { return o.Reason != NoReason }

// Drain orders a worker to accept nothing new and to finish what runs.
type Drain struct {
	// Within is the time for it; what still runs then is cut off. At 0 or less all is cut off at once.
	Within time.Duration
	// Move hands tunnels over, and connections that wait for a request, instead of ending them: another process has taken
	// over.
	Move bool
}

// Drained tells that a worker has ended its last exchange.
type Drained struct {
	Worker int
	// Cut is how many exchanges were cut off because the time was over.
	Cut int
}
