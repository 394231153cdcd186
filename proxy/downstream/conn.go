package downstream

import (
	"net/netip"

	"lb/messages"
	"lb/proxy/h1"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// What a client may still send after we ended our side, so that our last answer is not lost to a reset (RFC 9112 §9.6).
const (
	lingerNanoseconds = int64(2e9)
	lingerBytes       = 256 << 10
)

// phase of a connection.
type phase uint8

const (
	reading   phase = iota // the head of a request
	receiving              // its body
	waiting                // the request is complete, its exchange runs
	skipping               // the request was answered before its body had come: the rest of that is thrown away
	flushing               // the last answer waits to be sent, then the connection ends
	lingering              // our side is ended, what comes is thrown away
	gone
)

// Conn is an HTTP/1.x connection of a client. An idle one owns no buffer.
type Conn struct {
	// Peer is the address of the other end.
	Peer netip.AddrPort

	clients        *Clients
	next, previous *Conn
	tcp            *transport.Conn
	exchange       Exchange
	rest           []byte  // bytes that were read and are not consumed yet: ours
	body           h1.Body // of the request
	taken          int64   // bytes of it; of what is thrown away when lingering
	phase          phase
	version        semantics.Version
	framing        framing
	lasting        bool // another request may follow
	parting        bool // the client asked for the end after this request
	partial        bool // the rest is the beginning of a head
	turning        bool // Readable is on the stack
	complete       bool // the last request was read to its end
	wide           bool // the next read may be a wide one
	paused         bool // the body is not read: the backend does not keep up
	continues      bool // the client waits for 100 before it sends the body
	invited        bool // and has got it
}

// Abundant reports whether the client is ahead of us: the last read brought all that it could hold.
func (c *Conn) Abundant() bool { return c.tcp.Full() }

// Widen makes the next read a wide one.
func (c *Conn) Widen() { c.wide = true }

// Room is how many bytes of the response the kernel would take at once now, roughly. It costs a system call.
func (c *Conn) Room() int { return c.tcp.Room() }

// Pause stops reading the request's body. It is not the client who is late from then on.
func (c *Conn) Pause() {
	c.paused = true
	c.expect()
}

// Resume reads on.
func (c *Conn) Resume() {
	was := c.paused
	c.paused = false
	if was && c.phase == receiving {
		c.expect()
		c.goOn() // and may be paused again
	}
}

// Abort ends the connection with a reset, so that a response cut short cannot be taken for a whole one.
func (c *Conn) Abort() {
	if c.phase != gone {
		c.tcp.Abort()
		c.close()
	}
}

// Begin says which exchange it is that answers the request which is being served.
func (c *Conn) Begin(x Exchange) { c.exchange = x }

// Done says that the exchange is over and its response written and flushed. The connection goes on with the next request,
// or ends when that was the last.
func (c *Conn) Done() {
	unread := c.phase == receiving
	c.complete = c.exchange != nil && !unread
	c.exchange = nil
	c.framing = none
	if c.phase == gone {
		return
	}
	switch {
	case !c.lasting || unread && c.body.Remaining() > lingerBytes:
		c.finish()
	case unread:
		c.phase, c.paused, c.taken = skipping, false, 0
		c.tcp.Deadline(c.clients.in(lingerNanoseconds))
		c.goOn()
	default:
		c.proceed()
	}
}

// proceed goes on with the next request, once what is queued is sent: see Flushed.
func (c *Conn) proceed() {
	c.phase = reading
	if c.tcp.Pending() > 0 {
		c.phase = flushing
	}
	c.await()
}

// await waits for what is to come next, here or in another process.
func (c *Conn) await() {
	if c.clients.Move != nil && c.move() {
		return
	}
	c.expect()
	c.goOn()
}

// Finish says that the exchange is over and that the connection is to end after what is queued.
func (c *Conn) Finish() {
	c.exchange = nil
	c.framing = none
	if c.phase != gone {
		c.finish()
	}
}

// Touch counts a sign of life of a tunnel's other side.
func (c *Conn) Touch() { c.expect() }

// finish ends the connection after what is queued.
func (c *Conn) finish() {
	c.lasting = false
	c.phase = flushing
	if !c.unsent() {
		c.linger()
		return
	}
	c.expect()
}

// unsent reports whether something of the last response waits to be sent, now that what was posted is on its way.
func (c *Conn) unsent() bool {
	c.tcp.Deliver()
	return c.tcp.Pending() > 0
}

// linger closes the connection: at once if the client has ended its side, or has sent one whole request that asked for the
// end, and not a byte behind it. Any other may still be sending, also one that was told of the end during a drain.
func (c *Conn) linger() {
	if !c.tcp.CanRead() && (c.tcp.HungUp() || c.complete && c.parting && len(c.rest) == 0) {
		c.close()
		return
	}
	c.rest = nil
	c.taken = 0
	c.phase = lingering
	c.tcp.Shutdown()
	c.tcp.Deadline(c.clients.in(lingerNanoseconds))
	c.goOn()
}

// Connected implements transport.User; a client's connection always is.
func (c *Conn) Connected() {}

// Flushed implements transport.User.
func (c *Conn) Flushed() {
	switch {
	case c.phase == flushing && !c.lasting:
		c.linger()
	case c.phase == flushing:
		c.phase = reading
		c.await()
	case c.waitsIdle(): // what was posted last did not leave whole
		c.await()
	case c.exchange != nil:
		c.expect()
		c.exchange.Writable()
	}
}

// Broken implements transport.User.
func (c *Conn) Broken(error) { c.abort(messages.ClientClosed) }

// Late implements transport.User.
func (c *Conn) Late() {
	switch {
	case c.tcp.Pending() > 0:
		c.stalled()
	case c.phase == reading && len(c.rest) > 0:
		c.lasting = false
		c.clients.Server.Late(c)
	default: // without an exchange, or one side of a tunnel is left
		c.abort(messages.ClientTimeout)
	}
}

// stalled judges a client that does not read: it is late only if it took nothing for the whole time.
func (c *Conn) stalled() {
	limit := c.tcp.Progress() + int64(c.clients.Config.Timeouts.Body)
	if limit > c.clients.Net.Loop.Now() {
		c.tcp.Deadline(limit)
		return
	}
	c.abort(messages.ClientTimeout)
}

// Crashed implements transport.User.
func (c *Conn) Crashed() {
	x := c.exchange
	c.exchange = nil
	if x != nil {
		x.Crashed()
	}
	c.Abort()
}

// expect sets the deadline of what is to come next.
func (c *Conn) expect() {
	t := &c.clients.Config.Timeouts
	switch {
	case c.framing == raw:
		c.tcp.Deadline(c.clients.in(int64(t.Tunnel)))
	case c.tcp.Pending() > 0:
		c.tcp.Deadline(c.clients.in(int64(t.Body)))
	case c.phase == receiving && !c.paused && (!c.continues || c.invited):
		c.tcp.Deadline(c.clients.in(int64(t.Body)))
	case c.phase == reading && len(c.rest) == 0 && c.clients.Draining:
		c.tcp.Deadline(c.clients.in(int64(min(t.Idle, Chance))))
	case c.phase == reading && len(c.rest) == 0:
		c.tcp.Deadline(c.clients.in(int64(t.Idle)))
	case c.phase != reading: // the exchange is watched on the backend's side
		c.tcp.Deadline(0)
	}
}

// abort tells the exchange, which may answer, and ends the connection if it did not. Without an exchange nothing is lost but
// what is still queued of the last response, and that must not look whole.
func (c *Conn) abort(reason messages.Reason) {
	x := c.exchange
	switch {
	case x == nil && c.unsent():
		c.Abort()
		return
	case x == nil:
		c.close()
		return
	}
	x.Aborted(reason)
	if c.exchange == x {
		c.Abort()
	}
}

func (c *Conn) close() {
	if c.phase == gone {
		return
	}
	c.phase = gone
	c.exchange = nil
	c.rest = nil
	c.tcp.Close()
	c.clients.remove(c)
	c.clients.Server.Left(c)
}

var _ transport.User = (*Conn)(nil)
