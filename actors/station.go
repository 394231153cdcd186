package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// Launch starts the process of a worker.
type Launch func(worker int, sockets []int) (WorkerProcess, error)

// WorkerProcess is a process that runs one worker, and the link to it. It may be used by several goroutines.
type WorkerProcess interface {
	// PID is its number.
	PID() int
	// Send queues a value and descriptors, which stay the caller's. It does not wait.
	Send(value any, lent ...int) error
	// Give is Send for descriptors that are closed here once they are sent.
	Give(value any, given []int) error
	// Receive waits for the next value and the descriptors that came with it; an error says that no other will come.
	Receive() (value any, rights []int, err error)
	// Wait returns when the process has ended: with its exit code, -1 after a signal, and both in words.
	Wait() (code int, how string)
	// Kill ends it at once and does not wait for that.
	Kill()
}

// station is where a worker process works: what the master knows of it, and what outlives it. Several actors use it.
type station struct {
	// Immutable.
	number int
	launch Launch
	local  localAnswer // nil: the process forwards all requests

	mu       sync.Mutex
	fds      []int         // listening sockets of the next process
	occupant WorkerProcess // nil while none runs
	snapshot *messages.Snapshot
	asked    map[uint64]func(messages.Stats) // who waits for a sign of life
	beats    uint64
	last     messages.Stats // what the process counted so far, as far as it has told
	past     messages.Stats // what those before it counted
	starts   uint64
	retired  bool // no process is started any more
}

func newStation(number int, fds []int, launch Launch, local localAnswer) *station {
	return &station{
		number: number, fds: fds, launch: launch, local: local, asked: make(map[uint64]func(messages.Stats)),
	}
}

func (s *station) props(w *workers) *actor.Props {
	return w.system.Props(func() actor.Actor {
		return &workerProcess{station: s, system: w.system, size: w.size.Load, log: named(w.root, workerName(s.number))}
	})
}

func (s *station) assign(fds []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fds = fds
}

func (s *station) beat(alive func()) { s.count(func(messages.Stats) { alive() }) }

// count asks the process. If it ends instead, what it told last is the answer.
func (s *station) count(reply func(messages.Stats)) {
	s.mu.Lock()
	p := s.occupant
	if p == nil {
		sum := s.sum()
		s.mu.Unlock()
		reply(sum)
		return
	}
	s.beats++
	number := s.beats
	s.asked[number] = reply
	s.mu.Unlock()
	if err := p.Send(messages.Beat{Number: number}); err != nil {
		p.Kill() // who does not read hangs
	}
}

// alive takes a sign of life.
func (s *station) alive(p WorkerProcess, m messages.Alive) {
	s.mu.Lock()
	if s.occupant != p {
		s.mu.Unlock()
		return
	}
	s.last = m.Stats
	reply := s.asked[m.Number]
	delete(s.asked, m.Number)
	sum := s.sum()
	s.mu.Unlock()
	if reply != nil {
		reply(sum)
	}
}

// occupy notes the process that works here from now on, unless none is to any more.
func (s *station) occupy() (WorkerProcess, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return nil, nil
	}
	p, err := s.launch(s.number, s.fds)
	if err != nil {
		return nil, err
	}
	s.occupant = p
	s.starts++
	return p, nil
}

// vacate notes the end of a process. What it has counted stays in the sum.
func (s *station) vacate(p WorkerProcess) {
	s.mu.Lock()
	if s.occupant != p {
		s.mu.Unlock()
		return
	}
	s.occupant = nil
	s.past = s.past.Add(s.last).Idle()
	s.last = messages.Stats{}
	waiting := s.asked
	s.asked = make(map[uint64]func(messages.Stats))
	sum := s.sum()
	s.mu.Unlock()
	for _, reply := range waiting {
		reply(sum)
	}
}

// sum is over all processes that worked here; for the lock's holder.
func (s *station) sum() messages.Stats {
	if s.snapshot != nil { // what is gone from the configuration begins anew if it ever comes back
		s.past.Retain(s.snapshot.Members)
	}
	sum := s.past.Add(s.last)
	sum.Restarts += max(s.starts, 1) - 1
	return sum
}

// clear ends the process, if there is one.
func (s *station) clear() { s.abandon() }

// abandon ends a process that hangs. Its actor learns of the end as of any other.
func (s *station) abandon() {
	s.mu.Lock()
	p := s.occupant
	s.mu.Unlock()
	if p != nil {
		p.Kill()
	}
}

func (s *station) process() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.occupant == nil {
		return 0
	}
	return s.occupant.PID()
}

func (s *station) close() {
	s.retire()
	s.abandon()
}

// retire has no process started any more.
func (s *station) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
}
