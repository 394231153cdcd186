package upstream

import (
	"time"

	"lb/messages"
)

// Whether the backend of a session is still there. One whose machine or network is gone sends no FIN: its connection
// looks alive for as long as TCP repeats itself, some 15 minutes, and swallows all requests that are put on it, each
// for its own time limit. A backend that stays silent though it owes something is therefore asked by PING
// (RFC 9113 §6.7). Whatever it says shows that it lives, be it the answer or not.
//
// In units of Pool.Silence, which is 10 s by default: after one of silence it is asked; half of one later, streams
// begin elsewhere; two of them later, all that it carries fails. That is above what a server computes for that does
// nothing else meanwhile, and below the time limits of most exchanges. A session that carries nothing is not asked: its
// next request is what asks, if it finds the session silent for that long.

const (
	// defaultSilence is Pool.Silence.
	defaultSilence = 10 * time.Second
	// slower is how many times longer a silence is waited for than the one before, if nothing came in between but the
	// answer; slowest is how many times the first one at most. Servers of gRPC end the connection of who asks a fourth
	// time within minutes while they have nothing to say.
	slower, slowest = 4, 64
)

// life is what a session knows of its backend's.
type life struct {
	heard int64                          // loop time of the last read
	reads uint32                         // that brought something
	asked int64                          // loop time of the last PING; 0: there was none
	times int64                          // the first silence is the present one
	then  struct{ reads, opened uint32 } // at the last PING
}

// hear notes a read. Hot path.
func (l *life) hear(now int64) {
	l.heard = now
	l.reads++
}

// unanswered reports whether nothing came since the last PING.
func (l *life) unanswered() bool { return l.asked > l.heard }

// due is the loop time at which the silence of a session that carries something is to be looked at.
func (s *session) due() int64 {
	first := s.backend.pool.silence()
	switch {
	case s.unanswered() && s.stage == open:
		return s.asked + first/2
	case s.unanswered():
		return s.asked + 2*first
	case s.opened != s.then.opened: // what was begun since is waited for anew
		return s.heard + first
	}
	return s.heard + first*max(s.times, 1)
}

// silent looks at the silence, and does what is due.
func (s *session) silent() {
	switch {
	case s.due() > s.backend.pool.Net.Loop.Now():
	case !s.unanswered():
		s.ask()
	case s.stage == open:
		s.leave()
	default:
		s.lose(messages.ConnectionReadTimeout, "no answer to an http/2 ping")
		return
	}
	s.expect()
}

// ask sends a PING.
func (s *session) ask() {
	answerOnly := s.asked > 0 && s.reads == s.then.reads+1 && s.opened == s.then.opened
	if !answerOnly {
		s.times = 1
	} else {
		s.times = min(slower*s.times, slowest)
	}
	s.asked = s.backend.pool.Net.Loop.Now()
	s.then.reads, s.then.opened = s.reads, s.opened
	s.codec.Ping()
	s.soon()
}
