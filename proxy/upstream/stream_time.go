package upstream

import "lb/messages"

// How long a stream may take for what is to come next.

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
	case st.phase == waiting, st.phase == requesting && st.asked: // see Conn.hesitates
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

// late fails a stream on which nothing happened for too long. If nothing did on the whole connection, no other stream
// is opened there.
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
