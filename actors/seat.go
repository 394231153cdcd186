package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
	"lb/proxy"
)

// seat is what outlives a worker: its event loop, its listening socket, and what its predecessors have counted.
type seat struct {
	// Immutable.
	number      int
	loop        *proxy.Loop
	local       localAnswer // nil: all requests are forwarded
	credentials *proxy.Credentials
	tracer      *proxy.Tracer // nil: nobody looks

	// Loop's thread only.
	fds      []int         // listening sockets
	size     int           // workers in all
	worker   *proxy.Worker // nil while nobody is seated
	snapshot *messages.Snapshot
	past     messages.Stats // of the workers before this one
	starts   uint64         // of workers, this one included
	retired  bool           // nothing is accepted any more
}

func newSeat(number, size int, fds ...int) (*seat, error) {
	s := &seat{number: number, size: size, fds: fds}
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

func (s *seat) props(w *workers) *actor.Props {
	return w.system.Props(func() actor.Actor { return newWorker(w.system, s, w.root) },
		actor.WithDispatcher(s.loop))
}

func (s *seat) assign(fds []int) { s.loop.Schedule(func() { s.fds = fds }) }

func (s *seat) beat(alive func()) { s.loop.Schedule(alive) }

func (s *seat) count(reply func(messages.Stats)) { s.loop.Schedule(func() { reply(s.stats()) }) }

func (s *seat) clear() { s.loop.Schedule(s.vacate) }

func (s *seat) retire() { s.loop.Schedule(func() { s.retired = true }) }

// abandon does nothing: what hangs in this process cannot be ended without it.
func (s *seat) abandon() {}

func (s *seat) process() int { return 0 }

func (s *seat) close() { s.loop.Stop() }

// vacate ends the worker that is seated. Without one it does nothing. It is for the loop's thread.
func (s *seat) vacate() {
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
