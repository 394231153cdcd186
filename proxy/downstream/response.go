package downstream

import (
	"lb/proxy/h1"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// framing is how the client learns where a response's body ends (RFC 9112 §6.3).
type framing uint8

const (
	none    framing = iota // there is no body, or its length is known
	chunked                // RFC 9112 §7.1
	byClose                // clients of HTTP/1.0 know no other way
	raw                    // a tunnel: not HTTP any more
)

// Writing a response. The fields are written as they are: what a proxy changes in them was changed before. Hot path.

// Interim writes a 1xx head. Clients of HTTP/1.0 know none (RFC 9110 §15.2). Flush sends it.
func (c *Conn) Interim(r *semantics.Response) {
	if c.version == semantics.HTTP10 {
		return
	}
	c.fields(r)
	c.end()
	if r.Status == 100 {
		c.invited = true
		c.expect()
	}
}

// Respond writes the final head. Flush sends it, with what of the body is there by then.
func (c *Conn) Respond(r *semantics.Response) {
	c.framing = none
	switch {
	case r.Length >= 0:
	case c.version == semantics.HTTP10:
		c.framing, c.lasting = byClose, false
	default:
		c.framing = chunked
	}
	if c.continues || c.ends() { // whether a client that waits for 100 sends its body now, nobody knows
		c.lasting = false
	}
	c.fields(r)
	out := c.clients.out.Buf
	if c.framing == chunked {
		out = h1.AppendFieldString(out, "Transfer-Encoding", "chunked")
	}
	switch {
	case !c.lasting:
		out = h1.AppendFieldString(out, "Connection", "close")
	case c.version == semantics.HTTP10: // RFC 9112 §9.3
		out = h1.AppendFieldString(out, "Connection", "keep-alive")
	}
	c.clients.out.Buf = out
	c.end()
}

// Switch writes the head of a 101 response, from which on the connection is a tunnel (RFC 9110 §7.8).
func (c *Conn) Switch(r *semantics.Response, protocol []byte) {
	c.fields(r)
	out := h1.AppendFieldString(c.clients.out.Buf, "Connection", "upgrade")
	c.clients.out.Buf = h1.AppendField(out, []byte("Upgrade"), protocol)
	c.end()
	c.framing, c.lasting = raw, false
	c.phase, c.body = receiving, h1.NewBody(semantics.UntilClose)
	c.expect()
	if len(c.rest) > 0 || c.tcp.CanRead() { // what the client sent without waiting for the answer
		c.tcp.Again()
	}
}

// Data writes a piece of the body.
func (c *Conn) Data(b []byte) {
	out := &c.clients.out
	if c.framing != chunked {
		out.Add(b)
		return
	}
	out.Buf = h1.AppendChunkHead(out.Buf, len(b))
	out.Add(b)
	out.Buf = append(out.Buf, '\r', '\n')
}

// End ends the body.
func (c *Conn) End(trailers []semantics.Field) {
	if c.framing == chunked {
		c.clients.out.Buf = h1.AppendTrailers(c.clients.out.Buf, trailers)
	}
}

// Flush sends what was written, a small piece at the end of the round, and reports whether the client is still there.
func (c *Conn) Flush() bool { return c.flush(c.tcp.Post) }

// FlushLast is Flush for the end of a response; Done must follow. When the connection ends with it, the client gets both in
// one packet.
func (c *Conn) FlushLast() bool {
	if c.lasting || c.phase == receiving {
		return c.flush(c.tcp.Post)
	}
	return c.flush(c.tcp.SendLast)
}

func (c *Conn) flush(send func(*transport.Gather) error) bool {
	out := &c.clients.out
	if c.phase == gone {
		out.Reset()
		return false
	}
	if out.Empty() {
		return true
	}
	c.clients.Sent += uint64(out.Size())
	if err := send(out); err != nil {
		return false
	}
	if c.tcp.Pending() > 0 || c.framing == raw {
		c.expect()
	}
	return true
}

// Pending is how many bytes of the response wait to be sent.
func (c *Conn) Pending() int { return c.tcp.Pending() }

// LastIfUnread announces the end of the connection if the request's body has not come whole: the rest of it is not going
// to be read (RFC 9112 §9.6).
func (c *Conn) LastIfUnread() {
	if c.phase == receiving {
		c.lasting = false
	}
}

// Last announces that no other request will be served on this connection.
func (c *Conn) Last() { c.lasting = false }

// Shutdown ends our side of a tunnel.
func (c *Conn) Shutdown() { c.tcp.Shutdown() }

// Ended reports whether the connection was closed.
func (c *Conn) Ended() bool { return c.phase == gone }

func (c *Conn) fields(r *semantics.Response) {
	out := h1.AppendStatusLine(c.clients.out.Buf, r.Status, r.Reason)
	for i := range r.Fields {
		out = h1.AppendField(out, r.Fields[i].Name, r.Fields[i].Value)
	}
	c.clients.out.Buf = out
}

func (c *Conn) end() { c.clients.out.Buf = append(c.clients.out.Buf, '\r', '\n') }
