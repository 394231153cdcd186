package actors

import (
	"lb/messages"
	"lb/proxy"
)

// seat is what outlives a worker: its event loop, its listening socket, and what its predecessors have counted.
type seat struct {
	// Immutable.
	number int
	fd     int
	loop   *proxy.Loop
	local  func(path string, reply func(status int, contentType string, body []byte)) // nil: all requests are forwarded

	// Loop's thread only.
	worker   *proxy.Worker // nil while nobody is seated
	snapshot *messages.Snapshot
	past     messages.Stats // of the workers before this one
	starts   uint64         // of workers, this one included
}

func newSeat(number, fd int) (*seat, error) {
	s := &seat{number: number, fd: fd}
	var err error
	s.loop, err = proxy.NewLoop(s.panicked)
	return s, err
}

// panicked is told by the loop of a panic in the data plane.
func (s *seat) panicked(whose, value any, stack []byte) {
	if s.worker != nil {
		s.worker.Panicked(whose, value, stack)
	}
}

// clear ends the worker that is seated, with all its connections, and keeps its counts. Without one it does nothing.
func (s *seat) clear() {
	w := s.worker
	if w == nil {
		return
	}
	s.worker = nil
	w.Close()
	s.past = s.past.Add(w.Stats()).Idle()
}

// stats are the counts of all workers that sat here.
func (s *seat) stats() messages.Stats {
	var now messages.Stats
	if s.worker != nil {
		now = s.worker.Stats()
	}
	if s.snapshot != nil { // what is gone from the configuration begins anew if it ever comes back
		s.past.Retain(s.snapshot.Members)
	}
	sum := s.past.Add(now)
	sum.Restarts = max(s.starts, 1) - 1
	return sum
}
