package upstream

import "lb/messages"

// dialect is which version of HTTP a backend with TLS speaks: it is known only after a handshake (RFC 7301).
type dialect uint8

const (
	unknown dialect = iota
	one             // http/1.1
	two             // h2
	onlyTwo         // it has refused http/1.1 alone
)

// multiplexes reports whether an attempt begins with a session. With TLS it does unless the last handshake showed
// that the backend speaks http/1.1 only. That is forgotten when there is no connection any more.
func (b *Backend) multiplexes(w Want) bool {
	switch b.scheme {
	case messages.H2C:
		return true
	case messages.HTTPS:
		if b.stats.Open == 0 && b.dialect == one {
			b.dialect = unknown
		}
		return b.dialect == onlyTwo || !w.Tunnel && b.dialect != one
	}
	return false
}

// speaks settles what the backend speaks, and reports whether it is HTTP/2.
func (s *session) speaks() bool {
	b := s.backend
	if b.scheme == messages.HTTPS && s.tcp.Protocol() != offered[0] {
		b.dialect = one
		return false
	}
	b.dialect = max(b.dialect, two)
	return true
}

// demote hands a connection that turned out to be HTTP/1.1 to the first of those who wait for it. Each of the others
// gets one of its own.
func (s *session) demote() {
	waiting := s.waiting
	s.waiting = nil
	s.leave()
	s.stage = over
	c := &Conn{line: s.line, phase: idle}
	c.tcp.Pass(c)
	for _, st := range waiting {
		switch x := st.exchange; {
		case x == nil: // it was given up meanwhile
		case c.phase == idle:
			c.exchange, c.phase = x, requesting
			c.tcp.Deadline(0)
			st.become(c)
		default:
			st.become(s.backend.dial(x))
		}
	}
	if x := c.exchange; x != nil {
		x.Connected(c)
		return
	}
	s.backend.keep(c)
}

// become has another attempt go on in the place of a stream that waits. The stream is not used again.
func (st *Stream) become(c *Conn) {
	st.exchange, st.successor = nil, c
}
