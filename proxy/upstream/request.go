package upstream

import (
	"lb/proxy/h1"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// Writing a request. The fields are written as they are: what a proxy changes in them was changed before. Hot path.

// Request writes the head. Flush sends it, with what of the body is there by then.
func (c *Conn) Request(r *semantics.Request, target []byte) {
	out := h1.AppendRequestLine(c.out().Buf, r.Method, target)
	for i := range r.Fields {
		out = h1.AppendField(out, r.Fields[i].Name, r.Fields[i].Value)
	}
	if r.Length == semantics.Chunked {
		c.chunked = true
		out = h1.AppendFieldString(out, "Transfer-Encoding", "chunked")
	}
	c.out().Buf = append(out, '\r', '\n')
	c.head, c.asked = string(r.Method) == "HEAD", r.Expect
	c.eager = c.reused && !semantics.MethodOf(r.Method).Idempotent()
}

// Data writes a piece of the body.
func (c *Conn) Data(b []byte) {
	c.asked = false
	if !c.chunked {
		c.out().Add(b)
		return
	}
	c.out().Buf = h1.AppendChunkHead(c.out().Buf, len(b))
	c.out().Add(b)
	c.out().Buf = append(c.out().Buf, '\r', '\n')
}

// EndRequest ends the body.
func (c *Conn) EndRequest(trailers []semantics.Field) {
	if c.chunked {
		c.out().Buf = h1.AppendTrailers(c.out().Buf, trailers)
	}
	c.whole = true
}

// Flush sends what was written, a small piece at the end of the round. A failure to send is not told: the backend may
// have answered before it closed, and if it did not, the end of the connection tells it.
func (c *Conn) Flush() {
	out := c.out()
	if c.phase == gone || c.tcp.Failed() {
		out.Reset()
		return
	}
	if !out.Empty() {
		c.send()
	}
	c.expect()
}

func (c *Conn) send() {
	c.backend.stats.Sent += uint64(c.out().Size())
	c.sent = c.hasSent()
	if err := c.give(); err != nil {
		c.tcp.Reread()
		return
	}
	c.written = true
}

func (c *Conn) give() error {
	if c.eager {
		return c.tcp.Send(c.out())
	}
	return c.tcp.Post(c.out())
}

// hasSent reports whether the kernel took a byte of the request.
func (c *Conn) hasSent() bool { return c.sent || c.written && !c.tcp.Unsent() }

func (c *Conn) out() *transport.Gather { return &c.backend.pool.out }

// Pending is how many bytes of the request wait to be sent.
func (c *Conn) Pending() int { return c.tcp.Pending() }

// Tunnel makes the connection carry bytes of another protocol in both directions.
func (c *Conn) Tunnel() {
	c.phase, c.chunked = tunnelling, false
	c.body = h1.NewBody(semantics.UntilClose)
	c.expect()
}

// Shutdown ends our side of a tunnel.
func (c *Conn) Shutdown() { c.tcp.Shutdown() }
