package upstream

import (
	"errors"
	"io"

	"lb/messages"
	"lb/proxy/h1"
	"lb/proxy/transport"
)

// maxSteps of a connection, a read each, before others have their turn.
const maxSteps = 32

// Readable implements transport.User. Hot path.
func (c *Conn) Readable() {
	if c.exchange == nil {
		c.unasked()
		return
	}
	for steps := 0; !c.paused && c.phase > idle && c.phase < gone && c.tcp.CanRead(); steps++ {
		if steps == maxSteps {
			c.tcp.Again()
			return
		}
		b := c.buffer()
		n, err := c.tcp.Read(b)
		switch {
		case n > 0:
			c.backend.stats.Received += uint64(n)
			if !c.take(b[:n]) {
				return
			}
		case errors.Is(err, transport.ErrNotNow):
			return
		case err == io.EOF:
			c.ended()
			return
		case err != nil:
			c.fail(lossOf(err, c.cutShort()), text(err))
			return
		}
	}
}

// premature fails because of bytes that cannot be an answer: the request is not on its way yet (RFC 9112 §9.2). On a used
// connection they are likely to be about its end.
func (c *Conn) premature() {
	if c.reused {
		c.fail(messages.ConnectionTerminated, "")
		return
	}
	c.fail(messages.HTTPProtocolError, "a response before the request")
}

func (c *Conn) buffer() []byte {
	if c.phase < responding {
		return c.backend.pool.Net.HeadBuffer()
	}
	wide := c.wide
	c.wide = false
	return c.backend.pool.Net.BodyBuffer(wide)
}

// unasked judges what comes on an idle connection: its end, or bytes that nobody asked for. Neither is of any use.
// What TLS says for its own sake does not count.
func (c *Conn) unasked() {
	if c.phase == idle && !c.tcp.Silent() {
		c.drop()
	}
}

// take takes the bytes of one read and reports whether the connection may read on.
func (c *Conn) take(b []byte) bool {
	if c.written && !c.hasSent() {
		c.premature()
		return false
	}
	c.answered = true
	x := c.exchange
	if len(c.rest) > 0 {
		had := len(c.rest)
		c.rest = append(c.rest, b...)
		limits := c.backend.pool.limits()
		if b = c.rest; !h1.WorthParsing(b, had, &limits) {
			return true
		}
	}
	for c.phase < responding && len(b) > 0 {
		n, ok := c.readHead(b)
		if !ok || c.exchange != x {
			return false
		}
		if n == 0 {
			c.rest = append(c.rest[:0], b...)
			break
		}
		b, c.rest = b[n:], nil
	}
	if c.phase < responding {
		x.Pushed()
		return c.exchange == x
	}
	return c.takeBody(b, x)
}

// readHead reads a head at the start of b, interim or final, and tells the exchange. n is 0 when b has only the
// beginning of one. ok is false when the attempt has failed.
func (c *Conn) readHead(b []byte) (n int, ok bool) {
	p := c.backend.pool
	limits := p.limits()
	r := &p.response
	n, err := h1.ParseResponse(b, r, c.head, &limits)
	switch {
	case err != nil:
		c.fail(messages.HTTPProtocolError, err.Detail)
		return 0, false
	case n == 0:
		return 0, true
	}
	if r.Status == 100 && c.asked {
		c.asked = false
		c.expect() // now it is the client who is in debt
	}
	if !r.Interim() {
		c.phase = responding
		c.lasting = r.KeepAlive
		c.body = h1.NewBody(r.Length)
	}
	c.exchange.Response(r)
	return n, true
}

func (c *Conn) takeBody(b []byte, x Exchange) bool {
	for len(b) > 0 && !c.body.Done() {
		data, n, err := c.body.Next(b)
		if err != nil {
			c.fail(messages.HTTPProtocolError, err.Detail)
			return false
		}
		b = b[n:]
		if len(data) == 0 {
			continue
		}
		if x.Data(data); c.exchange != x {
			return false
		}
	}
	if c.phase == responding && c.body.Done() {
		c.finish(len(b) > 0)
		return false
	}
	c.expect()
	x.Pushed()
	return c.exchange == x
}

// ended judges the backend's end of the connection. That of a tunnel is read again whenever the other direction moves.
func (c *Conn) ended() {
	switch {
	case c.phase == tunnelling && c.body.Done():
	case c.phase == tunnelling:
		c.body = h1.Body{}
		c.exchange.End(nil)
	case c.phase == responding && c.body.EOF() == nil:
		c.finish(true)
	default:
		c.fail(c.cutShort(), "")
	}
}

// finish gives the connection back before it tells the exchange, so that the next request can have it.
func (c *Conn) finish(spent bool) {
	x, trailers := c.exchange, c.body.Trailers()
	spent = spent || c.tcp.CanRead() && !c.tcp.Silent() // of what came behind it there might be no word any more
	if spent || !c.lasting || !c.whole || c.tcp.Failed() || c.tcp.Unsent() || c.tcp.HungUp() || c.tcp.Pending() > 0 {
		c.close()
	} else {
		c.exchange, c.phase, c.rest = nil, idle, nil
		c.backend.keep(c)
	}
	c.backend.pool.tellEnd(x, trailers)
}

var _ transport.User = (*Conn)(nil)
