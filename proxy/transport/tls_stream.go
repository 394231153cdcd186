package transport

import "net"

// sealedSize is how many bytes of records are gathered before they are sent, besides the last record.
const sealedSize = 128 << 10

// read fills b with what there is. Hot path.
func (s *secure) read(b []byte) (n int, err error) {
	c := s.conn
	if len(s.ahead) > 0 && len(b) > 0 {
		n, s.ahead = copy(b, s.ahead), nil
	}
	if s.err != nil && n == 0 {
		c.status &^= readable | held
		return 0, s.err
	}
	for n < len(b) && err == nil && s.err == nil {
		var m int
		m, err = s.tls.Read(b[n:])
		n += m
	}
	c.status |= held | full
	switch {
	case err == nil: // b is full, or there was a byte ahead of the end
	case err == ErrNotNow:
		c.status &^= held | full
	default:
		s.err = tlsError(err)
		c.status = c.status&^full | hungUp
	}
	if failed := s.unload(0); failed != nil { // answers to what was read: a new key, an alert
		c.status |= held
	}
	switch {
	case n > 0:
		return n, nil
	case s.err != nil:
		c.status &^= readable | held
		return 0, s.err
	}
	return 0, err
}

// silent reports whether nothing but TLS itself has spoken. A byte that is read to find out is kept for the next read.
func (s *secure) silent() bool {
	switch {
	case s.conn.status&(connecting|shaking) != 0:
		return true
	case len(s.ahead) > 0 || s.err != nil:
		return false
	}
	s.conn.status |= readable
	one := make([]byte, 1)
	n, err := s.read(one)
	s.ahead = one[:n]
	if err != ErrNotNow {
		s.conn.status |= held
	}
	return err == ErrNotNow
}

// send seals what g has gathered, sends it and empties g. Hot path.
func (s *secure) send(g *Gather, flags int) (err error) {
	defer g.Reset()
	s.parted = false
	for _, part := range g.take() {
		if _, err = s.tls.Write(part); err != nil {
			break
		}
	}
	if failed := s.unload(flags); failed != nil {
		return failed
	}
	return err
}

// add takes a record that is to be sent. Hot path.
func (s *secure) add(record []byte) error {
	out := &s.conn.net.cipher
	out.Buf = append(out.Buf, record...)
	if len(out.Buf) < sealedSize {
		return nil
	}
	err := s.unload(sendMore)
	s.parted = s.parted || err == nil
	return err
}

// unload sends the records.
func (s *secure) unload(flags int) error {
	out := &s.conn.net.cipher
	if out.Empty() {
		return nil
	}
	if s.conn.status&broken != 0 {
		out.Reset()
		return s.conn.end()
	}
	return s.conn.put(out, flags)
}

// sendShaking sends bytes of the handshake. That it failed is found by reading.
func (s *secure) sendShaking(b []byte) {
	c := s.conn
	if c.status&(closed|broken) != 0 {
		return
	}
	out := &c.net.cipher
	out.Buf = append(out.Buf, b...)
	if s.unload(0) != nil {
		c.status |= readable
		c.Again()
	}
}

// end tells the peer that nothing more will be sent (RFC 8446 §6.1).
func (s *secure) end(flags int) {
	if s.conn.status&(connecting|shaking|broken) == 0 && s.tls.CloseWrite() == nil {
		_ = s.unload(flags) // the end of TCP follows
	}
	s.conn.net.cipher.Reset()
}

// leave is called before the connection is closed: the peer is told, where that costs no waiting.
func (s *secure) leave() {
	c := s.conn
	switch {
	case c.status&(connecting|shaking) != 0:
		s.wire.finish(net.ErrClosed)
	case c.status&hungUp == 0 && c.out == nil && s.err == nil:
		s.end(sendMore)
	}
}
