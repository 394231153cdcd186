package upstream

import (
	"lb/messages"
	"lb/proxy/h2"
	"lb/proxy/transport"
)

// stage of a session.
type stage uint8

const (
	dialling stage = iota
	settling       // the backend's settings have not come
	open
	parting // no new streams
	over
)

// session is a connection of HTTP/2 to a backend, which many exchanges share, each as a Stream.
//
// A request is sent only once the backend's settings have come (RFC 9113 §3.4): then it is known that it speaks
// HTTP/2 and how many streams it takes, and nothing was sent that could be executed by somebody who does not.
type session struct {
	line
	life
	codec   *h2.Conn
	streams []*Stream // that may be written to, or were
	waiting []*Stream // for the settings, in order
	rest    []byte    // the beginning of a frame
	unread  []byte    // of what a read brought, while that is being told
	turn    *Stream   // whom it is told to
	held    []*Stream // whose head is not told yet
	stage   stage
	opened  uint32 // last stream that was
	flushed uint32 // last stream whose head the kernel took
	rotated int    // who is first when the connection's window opens
	counted bool   // as idle
	served  bool   // an exchange, to its end
	dirty   bool   // there is something to flush at the end of the round
	careful bool   // it must not be sent on a connection that the backend has ended
	failed  bool   // a send failed: nothing more is sent
	broken  bool   // the rest has whole frames: a panic kept them from being told
}

func newSession(b *Backend) *session {
	s := &session{line: newLine(b)}
	b.stats.Open++
	b.sessions = append(b.sessions, s)
	s.dial(s)
	return s
}

// stream returns a stream for x on a session that has room, or on a new one.
func (b *Backend) stream(x Exchange, w Want) *Stream {
	st := b.pool.stream(x)
	b.place(st, w.Fresh)
	return st
}

// place puts a stream on a session. A fresh one is a session that has not served yet.
func (b *Backend) place(st *Stream, fresh bool) {
	for _, s := range b.sessions {
		if s.room() > 0 && !(fresh && s.served) {
			if s.stage == open {
				b.stats.Reuses++
			}
			s.add(st)
			return
		}
	}
	newSession(b).add(st)
}

// room is how many more streams the session takes.
func (s *session) room() int {
	switch s.stage {
	case dialling, settling:
		return s.backend.expectedStreams() - len(s.waiting)
	case open:
		if !s.failed {
			return s.codec.Room()
		}
	}
	return 0
}

// expectedStreams is how many streams a session will probably take.
func (b *Backend) expectedStreams() int {
	if b.streams > 0 {
		return b.streams
	}
	return h2.DefaultStreams
}

// add takes a stream, at once or when the settings have come.
func (s *session) add(st *Stream) {
	st.session, st.reused = s, s.served
	if s.stage != open {
		s.waiting = append(s.waiting, st)
		return
	}
	s.count(false)
	st.phase = requesting
	st.place = len(s.streams)
	s.streams = append(s.streams, st)
}

// remove takes a stream out, whose exchange hears nothing more of it.
func (s *session) remove(st *Stream) {
	last := len(s.streams) - 1
	s.streams[st.place] = s.streams[last]
	s.streams[st.place].place = st.place
	s.streams[last] = nil
	s.streams = s.streams[:last]
	if last == 0 && s.stage < over {
		s.rested()
	}
}

// rested goes idle after the last stream, or parts. One whose backend may be gone is not kept.
func (s *session) rested() {
	if s.stage == parting || s.backend.gone || s.unanswered() {
		s.part()
		return
	}
	if cap(s.codec.Out) > maxKept && len(s.codec.Out) == 0 {
		s.codec.Out = nil
	}
	s.count(true)
	s.expect()
}

// idle reports whether it stands and carries nothing.
func (s *session) idle() bool { return s.stage == open && len(s.streams) == 0 }

// count counts the session as idle, or as not.
func (s *session) count(idle bool) {
	if s.counted == idle {
		return
	}
	s.counted = idle
	if idle {
		s.backend.stats.Idle++
	} else {
		s.backend.stats.Idle--
	}
}

// Connected implements transport.User.
func (s *session) Connected() {
	if !s.speaks() {
		s.demote()
		return
	}
	p := s.backend.pool
	s.stage = settling
	s.codec = h2.New(s.backend.scheme == messages.HTTPS, h2.Limits{HeadBytes: p.Config.Limits.HeaderBytes})
	s.tcp.Deadline(p.in(int64(p.Config.Timeouts.Connect)))
	s.soon()
}

// settled is told of the backend's settings. The first ones let the waiting go on; whom there is no room for looks for
// another session. The first in line goes in any case: a backend that allows no stream at all has to refuse it.
func (s *session) settled() {
	s.backend.streams = max(s.codec.Streams(), 1)
	if s.stage != settling {
		return
	}
	s.stage = open
	waiting := s.waiting
	s.waiting = nil
	s.expect()
	for i, st := range waiting {
		switch {
		case st.exchange == nil: // it was given up meanwhile
		case i == 0 || s.room() > 0:
			s.add(st)
			st.exchange.Connected(st)
		default:
			s.backend.place(st, false)
			if st.Ready() {
				st.exchange.Connected(st)
			}
		}
		if s.stage == over {
			s.abandon(waiting[i+1:])
			return
		}
	}
	if len(s.streams) == 0 {
		s.rested()
	}
}

// abandon has those who still wait look elsewhere.
func (s *session) abandon(waiting []*Stream) {
	for _, st := range waiting {
		if st.exchange != nil {
			s.backend.place(st, false)
		}
	}
}

var _ transport.User = (*session)(nil)
