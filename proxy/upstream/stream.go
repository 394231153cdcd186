package upstream

import (
	"lb/messages"
	"lb/proxy/h2"
	"lb/proxy/loop"
	"lb/proxy/semantics"
)

// Stream is one attempt on a connection of HTTP/2. Streams are used again, with their timer, which may still be armed then.
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
	st.whole, st.answered, st.reused, st.stuck, st.paused, st.told = false, false, false, false, false, false
	p.spare = append(p.spare, st)
}

// Ready implements Attempt.
func (st *Stream) Ready() bool { return st.phase != connecting }

// Reused implements Attempt.
func (st *Stream) Reused() bool { return st.reused }

// Alive implements Attempt. The session itself looks before it sends what may not be repeated.
func (st *Stream) Alive() bool { return true }

// Refusable implements Attempt (RFC 9113 §8.7).
func (st *Stream) Refusable() bool { return true }

// Request implements Attempt. Hot path.
func (st *Stream) Request(r *semantics.Request, target []byte) {
	s := st.session
	s.careful = s.careful || !semantics.MethodOf(r.Method).Idempotent()
	p := s.backend.pool
	p.inside = s
	s.codec.Request(&st.codec, r, target)
	p.inside = nil
	s.opened = st.codec.ID()
}

// Data implements Attempt. What the window has no room for is queued.
func (st *Stream) Data(b []byte) {
	if len(st.queue) == 0 {
		b = b[st.write(b):]
		st.progress = st.session.backend.pool.Net.Loop.Now()
	}
	st.queue = append(st.queue, b...)
}

func (st *Stream) write(b []byte) (n int) {
	p := st.session.backend.pool
	p.inside = st.session
	n = st.session.codec.Write(&st.codec, b)
	p.inside = nil
	return n
}

// EndRequest implements Attempt.
func (st *Stream) EndRequest(trailers []semantics.Field) {
	st.whole, st.trailers = true, trailers
	if len(st.queue) == 0 {
		st.end()
	}
}

func (st *Stream) end() {
	p := st.session.backend.pool
	p.inside = st.session
	st.session.codec.End(&st.codec, st.trailers)
	p.inside = nil
}

// Flush implements Attempt.
func (st *Stream) Flush() {
	if st.phase == gone {
		return
	}
	st.stuck = st.Pending() > 0
	st.session.soon()
	st.expect()
}

// Pending implements Attempt.
func (st *Stream) Pending() int { return len(st.queue) + st.session.tcp.Pending() }

// Room implements Attempt: nothing is gained by wide reads of what is cut into frames.
func (st *Stream) Room() int { return 0 }

// drain sends from the queue as much as the window has room for, and lets the client go on when it is empty.
func (st *Stream) drain() {
	if st.exchange == nil || st.phase == connecting {
		return
	}
	was := st.stuck
	if len(st.queue) > 0 {
		n := st.write(st.queue)
		if n == 0 {
			return
		}
		st.queue = st.queue[:copy(st.queue, st.queue[n:])]
		st.progress = st.session.backend.pool.Net.Loop.Now()
		if len(st.queue) == 0 && st.whole {
			st.end()
		}
		st.Flush()
	}
	if st.stuck = st.Pending() > 0; was && !st.stuck && !st.whole {
		st.exchange.Writable()
	}
}

// Pause implements Attempt. The backend may fill the window that it has.
func (st *Stream) Pause() {
	st.paused = true
	st.deadline = 0
}

// Resume implements Attempt.
func (st *Stream) Resume() {
	if !st.paused {
		return
	}
	st.paused = false
	st.take(true)
	st.expect()
}

// take opens the window by what the client has taken.
func (st *Stream) take(late bool) {
	if st.untaken == 0 {
		return
	}
	s := st.session
	p := s.backend.pool
	p.inside = s
	s.codec.Taken(&st.codec, st.untaken, late)
	p.inside = nil
	st.untaken = 0
	if len(s.codec.Out) > 0 {
		s.soon()
	}
}

// Abundant implements Attempt: what a session reads belongs to many.
func (st *Stream) Abundant() bool { return false }

// Widen implements Attempt.
func (st *Stream) Widen() {}

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

// head takes the head of a response. Hot path.
func (st *Stream) head(e *h2.Event) {
	st.answered = true
	st.response = e.Response
	if e.Response.Interim() {
		st.tellHead()
		return
	}
	st.phase = responding
	st.session.hold(st)
	if e.Last {
		st.tellHead()
		if st.exchange != nil {
			st.finish(nil)
		}
	}
}

// tellHead tells the head that is held. Hot path.
func (st *Stream) tellHead() {
	if r := st.response; r != nil {
		st.response, st.told = nil, true
		st.exchange.Response(r)
	}
}

// data takes a piece of the body. Hot path.
func (st *Stream) data(e *h2.Event) {
	if len(e.Data) > 0 {
		st.told = true
		st.untaken += len(e.Data)
		st.exchange.Data(e.Data)
	}
	if e.Last && st.exchange != nil {
		st.finish(nil)
	}
}

// endTurn pushes what was told in this turn, and opens the window by what went on to the client.
func (st *Stream) endTurn() {
	if st.exchange == nil {
		st.recycle()
		return
	}
	if !st.told {
		return
	}
	st.told = false
	st.expect()
	st.exchange.Pushed()
	if st.exchange != nil && !st.paused {
		st.take(false)
	}
}

// finish ends the stream with a response that is complete. A request that is not is of no use to the backend any more.
func (st *Stream) finish(trailers []semantics.Field) {
	x := st.exchange
	st.session.served = true
	st.quit(h2.Cancel)
	st.session.backend.pool.tellEnd(x, trailers)
	st.recycle()
}

// reset takes the backend's word that it gives the stream up.
func (st *Stream) reset(code h2.Code) {
	f := failing{reason: messages.ConnectionTerminated, detail: "stream reset: " + code.String()}
	switch {
	case code == h2.RefusedStream: // RFC 9113 §8.7: nothing of it was processed
		f = failing{reason: messages.DestinationUnavailable, detail: "stream refused", unsent: true}
	case st.phase == responding:
		f.reason = messages.HTTPResponseIncomplete
	}
	st.fail(f)
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
	st.quit(h2.Cancel)
	s.backend.pool.tellFailure(x, failure)
	st.recycle()
}

// expect sets the deadline of what is to come next.
func (st *Stream) expect() {
	p := st.session.backend.pool
	t := &p.Config.Timeouts
	if st.phase == requesting && st.whole && len(st.queue) == 0 {
		st.phase = waiting
	}
	switch {
	case st.phase == responding && st.paused:
		st.deadline = 0
	case st.phase == responding, len(st.queue) > 0:
		st.until(p.in(int64(t.Body)))
	case st.phase == waiting:
		st.until(p.in(int64(t.Response)))
	default: // the client is in debt, and watched on its side
		st.deadline = 0
	}
}

func (st *Stream) until(at int64) {
	st.deadline = at
	st.session.backend.pool.Net.Loop.Arm(&st.timer, at)
}

// Expired implements loop.Expirer.
func (st *Stream) Expired(now int64) (next int64) {
	if st.deadline > now || st.deadline == 0 || st.exchange == nil {
		return st.deadline
	}
	st.deadline = 0
	st.late(now)
	return st.deadline
}

// late fails a stream on which nothing happened for too long. If nothing did on the whole connection, no other stream is
// opened there.
func (st *Stream) late(now int64) {
	s := st.session
	t := &s.backend.pool.Config.Timeouts
	if st.phase != responding && len(st.queue) > 0 {
		if limit := st.progress + int64(t.Body); limit > now {
			st.until(limit)
			return
		}
		st.fail(failing{reason: messages.ConnectionWriteTimeout})
		return
	}
	if s.heard <= now-int64(t.Body) {
		s.leave()
	}
	if st.phase == responding {
		st.fail(failing{reason: messages.ConnectionReadTimeout})
		return
	}
	st.fail(failing{reason: messages.HTTPResponseTimeout})
}

// Crashed ends the exchange after a panic in its turn.
func (st *Stream) Crashed() {
	if x := st.exchange; x != nil {
		st.Cancel()
		x.Crashed()
	}
}
