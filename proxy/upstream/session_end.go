package upstream

import (
	"lb/messages"
	"lb/proxy/h2"
)

// How a session ends: by itself, by a loss, by a panic.

// leave takes no more streams.
func (s *session) leave() {
	b := s.backend
	for i := range b.sessions {
		if b.sessions[i] == s {
			b.sessions = append(b.sessions[:i], b.sessions[i+1:]...)
			break
		}
	}
	s.count(false)
	if s.stage == open {
		s.stage = parting
	}
}

// part ends a session that carries nothing: the backend learns that it was no accident (RFC 9113 §6.8).
func (s *session) part() {
	s.leave()
	if !s.failed {
		s.codec.Close(h2.NoError)
		s.send()
	}
	s.close()
}

// close closes the connection. The streams are still to be told.
func (s *session) close() {
	if s.stage == over {
		return
	}
	s.leave()
	s.stage = over
	s.backend.stats.Open--
	s.rest, s.unread = nil, nil
	if s.tcp != nil {
		s.tcp.Close()
	}
}

func (s *session) dialling() bool { return s.stage == dialling }

func (s *session) unreachable(reason messages.Reason, detail string) { s.lose(reason, detail) }

// lose closes the connection and fails all that it carried.
func (s *session) lose(reason messages.Reason, detail string) {
	s.close()
	for len(s.streams) > 0 {
		s.streams[len(s.streams)-1].fail(failing{reason: reason, detail: detail, dead: true})
	}
	for len(s.waiting) > 0 {
		st := s.waiting[0]
		s.waiting = s.waiting[1:]
		st.fail(failing{reason: reason, detail: detail, dead: true})
	}
}

// Crashed implements transport.User. If it was the code of one exchange that panicked, only that one ends: what else
// the read brought is told in another turn, unless there is nobody left to tell it to.
func (s *session) Crashed() {
	st := s.turn
	if st == nil || s.stage == over || s.stage == parting && len(s.streams) == 0 {
		s.crash()
		return
	}
	s.turn = nil
	s.keep(s.unread)
	s.broken = true
	s.tcp.Again()
	if x := st.exchange; x != nil {
		st.Cancel()
		x.Crashed()
	}
}

// crash ends the session with all that it carries.
func (s *session) crash() {
	s.turn = nil
	s.close()
	all := append(s.streams, s.waiting...)
	s.streams, s.waiting = nil, nil
	for _, st := range all {
		x := st.exchange
		st.exchange, st.phase, st.deadline = nil, gone, 0
		if x != nil {
			x.Crashed()
		}
	}
}
