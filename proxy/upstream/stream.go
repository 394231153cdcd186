package upstream

import (
	"lb/messages"
	"lb/proxy/h2"
	"lb/proxy/loop"
	"lb/proxy/semantics"
)

// Stream is one attempt on a connection of HTTP/2. Streams are used again, with their timer, which may still be armed
// then.
type Stream struct {
	session  *session
	exchange Exchange // nil when it is over
	codec    h2.Stream
	queue    []byte // of the request's body, which the backend's window has no room for
	trailers []semantics.Field
	response *semantics.Response // its head, while it is held
	// successor is what an attempt became that turned out to be HTTP/1.1 while it waited.
	successor *Conn
	timer     loop.Timer
	deadline  int64
	progress  int64 // loop time at which the window last let bytes of the queue go
	untaken   int   // bytes of the response that the client has not taken
	place     int   // among the session's streams
	phase     phase

	whole    bool // the request was written to its end, though it may wait in the queue
	answered bool // the final head, or an interim one, came
	reused   bool
	stuck    bool // there was something pending when the exchange looked
	paused   bool // the client does not keep up
	told     bool // something that is to be pushed
	asked    bool // whether the body is to come is for the backend to say: the client waits for that
}

// maxSpareStreams bounds how many are kept for reuse.
const maxSpareStreams = 1024

// maxSpareQueue bounds the queue that is kept with one, in bytes.
const maxSpareQueue = 16 << 10

// stream returns an empty one for x, which waits for its place.
func (p *Pool) stream(x Exchange) *Stream {
	last := len(p.spare) - 1
	if last < 0 {
		st := &Stream{exchange: x}
		st.codec.Owner, st.timer.Owner = st, st
		return st
	}
	st := p.spare[last]
	p.spare[last] = nil
	p.spare = p.spare[:last]
	st.exchange = x
	return st
}

// recycle makes a stream that is over ready for reuse. One that has the turn is still looked at: endTurn does it.
func (st *Stream) recycle() {
	s := st.session
	p := s.backend.pool
	if s.turn == st || len(p.spare) == maxSpareStreams {
		return
	}
	queue := st.queue[:0]
	if cap(queue) > maxSpareQueue {
		queue = nil
	}
	st.codec = h2.Stream{Owner: st}
	st.session, st.trailers, st.response, st.queue = nil, nil, nil, queue
	st.deadline, st.progress, st.untaken, st.phase = 0, 0, 0, connecting
	st.whole, st.answered, st.reused, st.stuck, st.paused, st.told, st.asked = false, false, false, false, false, false, false
	p.spare = append(p.spare, st)
}

// Ready implements Attempt.
func (st *Stream) Ready() bool { return st.phase != connecting }

// Reused implements Attempt.
func (st *Stream) Reused() bool { return st.reused }

// Alive implements Attempt. The session itself looks before it sends what may not be repeated.
func (st *Stream) Alive() bool { return true }

// Cancel implements Attempt: the stream ends, the connection does not.
func (st *Stream) Cancel() {
	if st.successor != nil {
		st.successor.Cancel()
	}
	if st.exchange == nil {
		return
	}
	st.quit(h2.Cancel)
	st.recycle()
}

// quit takes the stream off its session. What is not at its end is reset.
func (st *Stream) quit(code h2.Code) {
	s := st.session
	st.exchange, st.response, st.deadline = nil, nil, 0
	waits := st.phase == connecting
	st.phase = gone
	if waits {
		s.forget(st)
		return
	}
	if s.stage < over {
		p := s.backend.pool
		p.inside = s
		s.codec.Reset(&st.codec, code)
		p.inside = nil
		if len(s.codec.Out) > 0 {
			s.soon()
		}
	}
	s.remove(st)
}

// forget takes a stream out of those that wait.
func (s *session) forget(st *Stream) {
	for i := range s.waiting {
		if s.waiting[i] == st {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			return
		}
	}
}

// failing is how a stream fails.
type failing struct {
	reason messages.Reason
	detail string
	unsent bool // the backend has not looked at the request
	dead   bool // so is the connection
}

// fail ends the stream and tells the exchange.
func (st *Stream) fail(f failing) {
	s, x := st.session, st.exchange
	if f.dead && st.phase == responding && f.reason == messages.ConnectionTerminated {
		f.reason = messages.HTTPResponseIncomplete
	}
	failure := Failure{
		Reason: f.reason, Detail: f.detail, Answered: st.answered, Reused: st.reused && f.dead,
		Sent: !f.unsent && st.codec.ID() > 0 && st.codec.ID() <= s.flushed,
	}
	s.backend.stats.Failures++
	s.backend.pool.told = x // it must hear of a panic in quit, too
	st.quit(h2.Cancel)
	s.backend.pool.tellFailure(x, failure)
	st.recycle()
}

// Crashed ends the exchange after a panic in its turn.
func (st *Stream) Crashed() {
	if x := st.exchange; x != nil {
		st.Cancel()
		x.Crashed()
	}
}
