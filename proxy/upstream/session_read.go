package upstream

import (
	"errors"
	"io"

	"lb/messages"
	"lb/proxy/h2"
	"lb/proxy/transport"
)

// frameBuffer bytes are read at once, behind the beginning of a frame that is there already.
const frameBuffer = 64 << 10

// buffer is what the sessions of a worker read into. It is not the loop's scratch buffer, since a response that ends
// in the middle of it lets a client go on, which then reads its next request.
func (p *Pool) buffer(rest int) []byte {
	if len(p.frames) < frameBuffer+rest {
		p.frames = make([]byte, frameBuffer+rest)
	}
	return p.frames
}

// Readable implements transport.User. Hot path.
func (s *session) Readable() {
	if s.broken {
		s.broken = false
		b := s.backend.pool.buffer(len(s.rest))
		s.take(b[:copy(b, s.rest)])
	}
	for steps := 0; s.stage < over && s.tcp.CanRead(); steps++ {
		if steps == maxSteps {
			s.tcp.Again()
			return
		}
		b := s.backend.pool.buffer(len(s.rest))
		had := copy(b, s.rest)
		n, err := s.tcp.Read(b[had:])
		switch {
		case n > 0:
			s.backend.stats.Received += uint64(n)
			s.hear(s.backend.pool.Net.Loop.Now())
			s.take(b[:had+n])
		case errors.Is(err, transport.ErrNotNow):
			return
		case err == io.EOF:
			s.lose(messages.ConnectionTerminated, "")
		case err != nil:
			s.lose(lossOf(err, messages.ConnectionTerminated), text(err))
		}
	}
}

// Flushed implements transport.User.
func (s *session) Flushed() {
	s.expect()
	s.writable()
}

// Broken implements transport.User. What came before the end is still read.
func (s *session) Broken(err error) {
	if s.stage == dialling {
		s.unconnected(s, err)
		return
	}
	s.Readable()
}

// take takes the bytes of one read, frame by frame.
func (s *session) take(b []byte) {
	p := s.backend.pool
	s.unread = b
	s.tellHeld()
	for s.stage < over {
		p.inside = s
		e, n, err := s.codec.Next(s.unread)
		p.inside = nil
		if err != nil {
			s.faulty(err)
			return
		}
		if n == 0 {
			break
		}
		s.unread = s.unread[n:]
		s.tell(&e)
		if s.codec.Kept() > maxHeld {
			s.tellHeld()
		}
	}
	s.tellHeld()
	if s.stage == over {
		return
	}
	s.keep(s.unread)
	if len(s.codec.Out) > 0 {
		s.soon()
	}
}

// maxHeld bounds the bytes of heads that are held.
const maxHeld = 32 << 10

// hold keeps a head until more of its stream comes, or the read is at its end: the head and the body leave in one
// system call even where a server sends the heads of many responses first, and then their bodies.
func (s *session) hold(st *Stream) { s.held = append(s.held, st) }

// tellHeld tells and pushes what was held. The codec may forget it then.
func (s *session) tellHeld() {
	for i := 0; i < len(s.held) && s.stage < over; i++ {
		if st := s.held[i]; st.response != nil {
			s.giveTurn(st)
			st.tellHead()
		}
	}
	s.giveTurn(nil)
	clear(s.held)
	s.held = s.held[:0]
	if s.stage < over {
		s.codec.Release()
	}
}

// keep holds on to the beginning of a frame.
func (s *session) keep(b []byte) {
	s.rest = append(s.rest[:0], b...)
	s.unread = nil
}

// giveTurn pushes what was told to the stream that had the turn, before another one is told something: what they
// write to their clients is gathered in one place.
func (s *session) giveTurn(st *Stream) {
	if had := s.turn; had != st {
		s.turn = nil
		if had != nil {
			had.endTurn()
		}
		if st != nil && st.exchange != nil {
			s.turn = st
		}
	}
}

// tell tells what a frame has to say. Hot path.
func (s *session) tell(e *h2.Event) {
	if e.Stream == nil {
		s.tellAll(e)
		return
	}
	st := e.Stream.Owner.(*Stream)
	s.giveTurn(st)
	if s.turn != st {
		return
	}
	switch e.Kind {
	case h2.Head:
		st.head(e)
		return
	}
	if st.tellHead(); st.exchange == nil {
		return
	}
	switch e.Kind {
	case h2.Data:
		st.data(e)
	case h2.Trailers:
		if st.shown() {
			st.showSection("trailers of the response\n", e.Trailers)
		}
		st.finish(e.Trailers)
	case h2.Reset:
		st.reset(e.Code)
	case h2.Broken:
		st.fail(failing{reason: reasonOf(e.Err), detail: e.Err.Detail})
	case h2.Window:
		st.drain()
	}
}

func (s *session) tellAll(e *h2.Event) {
	switch e.Kind {
	case h2.Settled:
		s.giveTurn(nil)
		s.settled()
		s.writable()
	case h2.Window:
		s.giveTurn(nil)
		s.writable()
	case h2.GoAway:
		s.giveTurn(nil)
		s.goAway(e)
	}
}

// goAway has those whom the backend will not look at go elsewhere (RFC 9113 §6.8). The others finish.
func (s *session) goAway(e *h2.Event) {
	waiting := s.waiting
	s.waiting = nil
	s.leave()
	s.abandon(waiting)
	unseen := failing{reason: messages.DestinationUnavailable, detail: "the backend goes away", unsent: true}
	for i := len(s.streams) - 1; i >= 0; i-- {
		if i < len(s.streams) && s.streams[i].codec.ID() > e.LastID {
			s.streams[i].fail(unseen)
		}
	}
	if len(s.streams) == 0 && s.stage < over {
		s.part()
	}
}

// writable sends on what waits for a window, and lets clients go on whose data has gone. Each time another one is
// first.
func (s *session) writable() {
	if len(s.streams) == 0 {
		return
	}
	s.rotated++
	n := len(s.streams)
	for i := range n {
		if at := (i + s.rotated) % n; at < len(s.streams) {
			s.streams[at].drain()
		}
	}
}

// faulty ends a session whose backend broke a rule, and tells it so.
func (s *session) faulty(err *h2.Error) {
	s.tellHeld()
	if s.stage == over {
		return
	}
	if !s.failed {
		s.send()
	}
	s.lose(reasonOf(err), err.Detail)
}

func reasonOf(err *h2.Error) messages.Reason {
	if err.Large {
		return messages.HTTPResponseHeaderSectionSize
	}
	return messages.HTTPProtocolError
}
