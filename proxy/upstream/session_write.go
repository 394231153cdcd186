package upstream

import (
	"lb/messages"
	"lb/proxy/loop"
)

// When and how a session sends.

// soon sends what was written, at the end of the round: requests of many exchanges leave in one system call.
func (s *session) soon() {
	if !s.dirty {
		s.dirty = true
		s.backend.pool.Net.Loop.Last((*flusher)(s))
	}
}

// flusher is a session at the end of a round.
type flusher session

// Ready implements loop.Handler.
func (f *flusher) Ready(loop.Events) { (*session)(f).flush() }

// Crashed closes what belonged to it.
func (f *flusher) Crashed() { (*session)(f).Crashed() }

// maxKept bounds the buffer for output that an idle session keeps, in bytes.
const maxKept = 4 << 10

// flush sends what was written. Before a request that may not be repeated, what the backend has said is read: it may
// have ended the connection in this very moment, and then the request was never sent.
func (s *session) flush() {
	s.dirty = false
	if s.careful && s.stage < over {
		s.careful = false
		s.tcp.Look()
		s.Readable()
	}
	if s.stage == over || s.failed || len(s.codec.Out) == 0 {
		return
	}
	s.send()
	s.expect()
}

func (s *session) send() {
	out := &s.backend.pool.out
	out.Add(s.codec.Out)
	s.backend.stats.Sent += uint64(out.Size())
	err := s.tcp.Send(out)
	s.codec.Out = s.codec.Out[:0]
	if err == nil || s.tcp.Parted() {
		s.flushed = s.opened
	}
	if err != nil { // the end of the connection tells why
		s.failed = true
		s.tcp.Reread()
	}
}

// expect sets the deadline of the connection as such; each stream has its own. Hot path.
func (s *session) expect() {
	p := s.backend.pool
	switch {
	case s.stage >= over || s.stage < open:
	case s.tcp.Pending() > 0:
		s.tcp.Deadline(p.in(int64(p.Config.Timeouts.Body)))
	case len(s.streams) == 0:
		s.tcp.Deadline(p.in(int64(p.Config.Timeouts.Idle)))
	default:
		s.tcp.Deadline(s.due())
	}
}

// Late implements transport.User.
func (s *session) Late() {
	switch {
	case s.stage == dialling:
		s.unconnected(s, s.late())
	case s.stage == settling:
		s.lose(messages.ConnectionTimeout, "no http/2 settings in time")
	case s.tcp.Pending() > 0:
		s.stalled()
	case len(s.streams) == 0:
		s.part()
	default:
		s.silent()
	}
}

// stalled judges a backend that takes no bytes: it is late only if it took none for the whole time.
func (s *session) stalled() {
	p := s.backend.pool
	limit := s.tcp.Progress() + int64(p.Config.Timeouts.Body)
	if limit > p.Net.Loop.Now() {
		s.tcp.Deadline(limit)
		return
	}
	s.lose(messages.ConnectionWriteTimeout, "")
}
