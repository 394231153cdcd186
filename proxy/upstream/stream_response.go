package upstream

import (
	"lb/messages"
	"lb/proxy/h2"
	"lb/proxy/semantics"
)

// The response of a stream.

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

// head takes the head of a response. Hot path.
func (st *Stream) head(e *h2.Event) {
	st.answered = true
	st.response = e.Response
	if st.shown() {
		st.showResponse(e.Response)
	}
	if e.Response.Interim() {
		st.asked = st.asked && e.Response.Status != 100
		st.expect()
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
	st.session.backend.pool.told = x // it must hear of a panic in quit, too
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
