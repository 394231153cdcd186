package upstream

import "lb/proxy/semantics"

// The request of a stream.

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
	st.asked = r.Expect
	if st.shown() {
		st.showRequest(r, target)
	}
}

// Data implements Attempt. What the window has no room for is queued.
func (st *Stream) Data(b []byte) {
	st.asked = false
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
	if len(st.trailers) > 0 && st.shown() {
		st.showSection("trailers of the request\n", st.trailers)
	}
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
