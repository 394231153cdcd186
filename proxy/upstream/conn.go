package upstream

import (
	"lb/messages"
	"lb/proxy/h1"
)

// phase of a connection, in the order in which an attempt goes through them.
type phase uint8

const (
	connecting phase = iota
	idle
	requesting // the request is being written; a response may come already
	waiting    // the request is written
	responding // the final head was read
	tunnelling
	gone
)

// Conn is an HTTP/1.1 connection to a backend. It carries one exchange at a time.
type Conn struct {
	line
	exchange Exchange // nil while idle
	rest     []byte   // the beginning of a head, until all of it is here
	body     h1.Body  // of the response
	phase    phase

	head     bool // the request is HEAD
	chunked  bool // the request's body is chunked
	whole    bool // the request is written to its end
	written  bool // something of it was given to be sent
	sent     bool // the kernel took a byte of it: see hasSent
	answered bool // a byte of the response came
	reused   bool
	eager    bool // it leaves at once: until then the connection may end, which nobody would notice
	asked    bool // whether the body is to come is for the backend to say: the client waits for that
	lasting  bool // the backend allows another request
	paused   bool // nothing is read: the client does not keep up
	wide     bool // the next read may be a wide one
}

// Ready reports whether the request may be written at once.
func (c *Conn) Ready() bool { return c.phase != connecting }

// Backend that the connection goes to.
func (c *Conn) Backend() *Backend { return c.backend }

// Alive reports whether the backend has neither ended nor reset an idle connection, at the cost of a system call.
func (c *Conn) Alive() bool { return c.tcp.Silent() }

// Reused reports whether the connection has served another exchange before.
func (c *Conn) Reused() bool { return c.reused }

// Refusable implements Attempt: HTTP/1.1 has no such word, but the connection may be dead before the request is on its way.
func (c *Conn) Refusable() bool { return (c.written || c.tcp.Failed()) && !c.hasSent() }

// Pause stops reading the response: what was read has not gone on to the client yet.
func (c *Conn) Pause() {
	c.paused = true
	c.tcp.Deadline(0)
}

// Abundant reports whether the backend is ahead of us: the last read brought all that it could hold.
func (c *Conn) Abundant() bool { return c.tcp.Full() }

// Widen makes the next read a wide one.
func (c *Conn) Widen() { c.wide = true }

// Room is how many bytes of the request the kernel would take at once now, roughly. It costs a system call.
func (c *Conn) Room() int { return c.tcp.Room() }

// Resume reads on.
func (c *Conn) Resume() {
	if !c.paused {
		return
	}
	c.paused = false
	c.expect()
	if c.tcp.CanRead() {
		c.tcp.Again()
	}
}

// Cancel gives the attempt up: the connection is closed at once. The exchange hears nothing of it.
func (c *Conn) Cancel() {
	c.out().Reset()
	c.close()
}

// Finish closes a tunnel after what is queued.
func (c *Conn) Finish() {
	if c.phase == gone {
		return
	}
	if c.tcp.Deliver(); c.tcp.Pending() > 0 {
		c.tcp.CloseSent(c.backend.pool.in(int64(c.backend.pool.Config.Timeouts.Body)))
		c.tcp = nil
	}
	c.close()
}

// Touch counts a sign of life of a tunnel's other side.
func (c *Conn) Touch() { c.expect() }

// begin starts an exchange on an idle connection.
func (c *Conn) begin(x Exchange) {
	*c = Conn{line: c.line, exchange: x, phase: requesting, reused: true, rest: c.rest[:0]}
}

// Connected implements transport.User. A backend that chooses HTTP/2 where it can, and nothing where only HTTP/1.1 is
// offered, does not speak that.
func (c *Conn) Connected() {
	if c.backend.dialect >= two && c.tcp.Protocol() != offered[1] {
		c.refused()
		return
	}
	c.phase = requesting
	c.tcp.Deadline(0)
	c.exchange.Connected(c)
}

// Flushed implements transport.User.
func (c *Conn) Flushed() {
	if c.exchange == nil {
		return
	}
	c.expect()
	c.exchange.Writable()
}

// Broken implements transport.User. What came before the end is still read: it may be a whole response, and is at least
// the reason.
func (c *Conn) Broken(err error) {
	if c.phase == connecting {
		c.unconnected(c, err)
		return
	}
	c.Readable()
}

// Late implements transport.User.
func (c *Conn) Late() {
	switch c.phase {
	case connecting:
		c.unconnected(c, c.late())
	case idle:
		c.drop()
	case requesting:
		if c.hesitates() {
			c.fail(messages.HTTPResponseTimeout, "")
			return
		}
		c.stalled()
	case waiting:
		if c.tcp.Pending() > 0 { // of what was posted the kernel did not take all
			c.stalled()
			return
		}
		c.fail(messages.HTTPResponseTimeout, "")
	case responding, tunnelling:
		c.fail(messages.ConnectionReadTimeout, "")
	}
}

// hesitates reports whether the backend has the whole head and has not said whether it wants the body (RFC 9110 §10.1.1).
func (c *Conn) hesitates() bool { return c.phase == requesting && c.asked && c.tcp.Pending() == 0 }

// stalled judges a request whose bytes the backend does not take: it is late only if it took none for the whole time.
func (c *Conn) stalled() {
	if c.tcp.Pending() == 0 {
		c.expect()
		return
	}
	p := c.backend.pool
	limit := c.tcp.Progress() + int64(p.Config.Timeouts.Body)
	if limit > p.Net.Loop.Now() {
		c.tcp.Deadline(limit)
		return
	}
	c.fail(messages.ConnectionWriteTimeout, "")
}

// Crashed implements transport.User.
func (c *Conn) Crashed() {
	x := c.exchange
	if c.phase == idle {
		c.backend.remove(c)
	}
	c.close()
	if x != nil {
		x.Crashed()
	}
}

func (c *Conn) dialling() bool { return c.phase == connecting }

func (c *Conn) unreachable(reason messages.Reason, detail string) {
	if reason == messages.TLSAlertReceived && c.backend.dialect == two {
		c.refused()
		return
	}
	c.fail(reason, detail)
}

// refused fails because the backend speaks HTTP/2 alone. It is not asked for a tunnel again.
func (c *Conn) refused() {
	c.backend.dialect = onlyTwo
	c.fail(messages.HTTPUpgradeFailed, "the backend speaks http/2 only")
}

// expect sets the deadline of what is to come next.
func (c *Conn) expect() {
	p := c.backend.pool
	t := &p.Config.Timeouts
	if c.phase == requesting && c.whole && c.tcp.Pending() == 0 {
		c.phase = waiting
	}
	switch {
	case c.phase == tunnelling:
		c.tcp.Deadline(p.in(int64(t.Tunnel)))
	case c.phase == responding && c.paused:
		c.tcp.Deadline(0)
	case c.phase == responding:
		c.tcp.Deadline(p.in(int64(t.Body)))
	case c.tcp.Pending() > 0:
		c.tcp.Deadline(p.in(int64(t.Body)))
	case c.phase == waiting, c.hesitates():
		c.tcp.Deadline(p.in(int64(t.Response)))
	default: // the client is in debt, and watched on its side
		c.tcp.Deadline(0)
	}
}

// fail closes the connection and tells the exchange.
func (c *Conn) fail(reason messages.Reason, detail string) {
	x := c.exchange
	f := Failure{Reason: reason, Detail: detail, Sent: c.hasSent(), Answered: c.answered, Reused: c.reused}
	c.backend.stats.Failures++
	c.close()
	c.backend.pool.tellFailure(x, f)
}

// drop closes an idle connection.
func (c *Conn) drop() {
	c.backend.remove(c)
	c.close()
}

func (c *Conn) close() {
	if c.phase == gone {
		return
	}
	c.phase = gone
	c.exchange = nil
	c.rest = nil
	c.backend.stats.Open--
	if c.tcp != nil {
		c.tcp.Withdraw() // a request that is given up must not be on its way when it is sent elsewhere
		c.tcp.Close()
	}
}

// cutShort is the reason for an end that came too early.
func (c *Conn) cutShort() messages.Reason {
	if c.answered {
		return messages.HTTPResponseIncomplete
	}
	return messages.ConnectionTerminated
}
