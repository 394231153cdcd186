package downstream

import (
	"errors"

	"lb/messages"
	"lb/proxy/h1"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// maxSteps of a connection, a read or a request each, before others have their turn.
const maxSteps = 32

// bodyTooLarge refuses a body over the limit of the configuration (RFC 9110 §15.5.14).
var bodyTooLarge = &h1.Error{Status: 413, Detail: "body larger than allowed"}

// Readable implements transport.User. Hot path.
func (c *Conn) Readable() {
	if c.turning {
		return
	}
	c.turning = true
	c.clients.turn = c
	steps := 0
	for steps < maxSteps && c.step() {
		steps++
	}
	c.turning = false
	c.clients.turn = nil
	if steps == maxSteps && c.phase != gone {
		c.tcp.Again()
	}
}

// goOn takes up what was left for later, unless the turn that is on the stack does so anyway.
func (c *Conn) goOn() {
	if !c.turning && (len(c.rest) > 0 || c.tcp.CanRead()) {
		c.Readable()
	}
}

// step consumes what is there for the present phase and reports whether there may be more to do.
func (c *Conn) step() bool {
	switch c.phase {
	case reading:
		return c.readHead()
	case receiving:
		return !c.paused && c.readBody()
	case skipping:
		return c.skip()
	case lingering:
		return c.discard()
	}
	return false
}

// read returns the bytes that are to be consumed next: the rest of an earlier read, or those of a new one. None: there
// is nothing now, or the connection has ended.
func (c *Conn) read() []byte {
	if len(c.rest) > 0 {
		return c.rest
	}
	return c.readNew()
}

func (c *Conn) readNew() []byte {
	if !c.tcp.CanRead() {
		return nil
	}
	b := c.buffer()
	n, err := c.tcp.Read(b)
	switch {
	case n > 0:
		c.clients.Received += uint64(n)
		return b[:n]
	case err != nil && !errors.Is(err, transport.ErrNotNow):
		c.ended()
	}
	return nil
}

func (c *Conn) buffer() []byte {
	if c.phase != receiving {
		return c.clients.Net.HeadBuffer()
	}
	wide := c.wide
	c.wide = false
	return c.clients.Net.BodyBuffer(wide)
}

// keep holds on to bytes that were not consumed. Those of the rest are ours already.
func (c *Conn) keep(b []byte, ours bool) {
	switch {
	case len(b) == 0:
		c.rest = nil
	case ours:
		c.rest = b
	default:
		c.rest = append([]byte(nil), b...)
	}
}

// readHead reads a request's head and serves it.
func (c *Conn) readHead() bool {
	if c.partial && !c.readMore() {
		return false
	}
	b := c.read()
	if len(b) == 0 {
		return false
	}
	ours := len(c.rest) > 0
	begun := c.partial
	c.partial = false
	limits := c.clients.limits()
	r := &c.clients.request
	n, err := h1.ParseRequest(b, r, &limits)
	switch {
	case err != nil:
		c.refuse(err)
		return true
	case n == 0:
		c.keepPartial(b, ours, begun)
		return true
	}
	c.serve(r, b, n, ours)
	return true
}

// keepPartial keeps the beginning of a head. The time for a head runs from its first byte, whatever comes of it later.
func (c *Conn) keepPartial(b []byte, ours, begun bool) {
	c.partial = true
	c.keep(b, ours)
	if !begun {
		c.tcp.Deadline(c.clients.in(int64(c.clients.Config.Timeouts.Header)))
	}
}

// readMore reads behind the beginning of a head and reports whether it may be whole now.
func (c *Conn) readMore() bool {
	limits := c.clients.limits()
	for {
		more := c.readNew()
		if len(more) == 0 {
			return false
		}
		had := len(c.rest)
		c.rest = append(c.rest, more...)
		if h1.WorthParsing(c.rest, had, &limits) {
			return true
		}
	}
}

// serve has the exchange of a request begun and hands it as much of its body as has come.
func (c *Conn) serve(r *semantics.Request, b []byte, n int, ours bool) {
	cs := c.clients
	limit := cs.Config.Limits.BodyBytes
	if limit > 0 && r.Length > limit {
		c.refuse(bodyTooLarge)
		return
	}
	c.version = r.Version
	c.lasting, c.parting = r.KeepAlive && !c.ends(), !r.KeepAlive
	c.body, c.taken = h1.NewBody(r.Length), 0
	c.continues, c.invited = r.Expect && !c.body.Done(), false
	c.phase, c.paused = receiving, false
	if c.body.Done() {
		c.phase = waiting
		c.keep(b[n:], ours) // before the answer, which may come at once and goes by what the client has sent behind it
	}
	cs.Server.Serve(c, r, b[:n])
	switch x := c.exchange; {
	case x == nil:
	case c.phase == waiting:
		c.fed(x)
	default:
		c.feed(x, b[n:], ours)
	}
}

// readBody reads a piece of the request's body.
func (c *Conn) readBody() bool {
	b := c.read()
	if len(b) == 0 {
		return false
	}
	c.feed(c.exchange, b, len(c.rest) > 0)
	return true
}

// feed hands the exchange what b has of the body and keeps what lies behind it.
func (c *Conn) feed(x Exchange, b []byte, ours bool) {
	for len(b) > 0 && !c.body.Done() {
		data, n, err := c.body.Next(b)
		if err == nil {
			err = c.count(len(data))
		}
		if err != nil {
			c.lasting = false
			c.rest = nil
			x.Malformed(err)
			return
		}
		b = b[n:]
		if len(data) == 0 {
			continue
		}
		c.continues = false
		if x.Data(data); c.exchange != x {
			return
		}
	}
	c.keep(b, ours)
	c.fed(x)
}

func (c *Conn) fed(x Exchange) {
	if c.body.Done() {
		c.phase = waiting
		x.End(c.body.Trailers())
	}
	if c.exchange != x {
		return
	}
	c.expect()
	x.Pushed()
}

func (c *Conn) count(n int) *h1.Error {
	c.taken += int64(n)
	if limit := c.clients.Config.Limits.BodyBytes; limit > 0 && c.taken > limit && c.framing != raw {
		return bodyTooLarge
	}
	return nil
}

// refuse has a request answered that is not forwarded. What follows it is not looked at: nobody knows where it begins.
func (c *Conn) refuse(err *h1.Error) {
	c.rest = nil
	c.lasting = false
	c.version = semantics.HTTP11
	c.clients.Server.Refuse(c, err)
}

// ended judges the client's end of the connection. Between requests it is the usual end. While a complete request is
// being answered it is not noticed: a client may end its side and still wait for the answer.
func (c *Conn) ended() {
	switch {
	case c.phase == receiving && c.framing == raw:
		c.phase = waiting
		x := c.exchange
		x.End(nil)
		if c.exchange == x {
			x.Pushed()
		}
	case c.phase == receiving:
		c.abort(messages.ClientClosed)
	case c.phase != lingering && c.unsent(): // it may have ended its side only
		c.finish()
	default:
		c.close()
	}
}

// skip throws away what is left of a body that nobody waits for any more, so that the next request can be read: many
// clients send a small body in a packet of its own, and some backends answer before it. A large rest ends the connection.
func (c *Conn) skip() bool {
	b, ours := c.read(), len(c.rest) > 0
	if len(b) == 0 {
		return false
	}
	for len(b) > 0 && !c.body.Done() {
		data, n, err := c.body.Next(b)
		if err != nil {
			c.finish()
			return true
		}
		c.taken += int64(len(data))
		b = b[n:]
	}
	c.keep(b, ours)
	switch {
	case c.taken > lingerBytes:
		c.finish()
	case c.body.Done():
		c.proceed()
	}
	return true
}

// discard throws away what a client sends that was told to stop.
func (c *Conn) discard() bool {
	b := c.readNew()
	c.taken += int64(len(b))
	if c.taken > lingerBytes {
		c.close()
		return false
	}
	return len(b) > 0
}
