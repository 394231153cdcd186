package transport

import (
	"io"

	"golang.org/x/sys/unix"

	"lb/proxy/loop"
)

// status of a connection, as bits.
type status uint16

const (
	connecting status = 1 << iota
	readable          // the kernel may have bytes, or the end of them, that were not read
	hungUp            // the peer will send nothing more
	broken            // a send failed: the connection is dead, and an end that is read was none
	ending            // our side is to be ended when the queue is empty
	full              // the last read filled its buffer
	shaking           // the TLS handshake runs
	held              // TLS may hold bytes that were not read, or has the end of them to tell
	posted            // something of it is in the outbox
	departed          // bytes that were posted have left
	refused           // what was posted could not be sent, or was withdrawn, to the first byte
	closed

	// dead is what a connection is whose peer has reset it: what came before can still be read, up to the end.
	dead = broken | hungUp | readable
)

// Conn is a TCP connection on a loop, with or without TLS. A Conn is touched by the loop's thread only.
type Conn struct {
	net      *Network
	user     User
	tls      *secure // nil without TLS
	trace    *trace  // nil while nobody looks
	fd       int
	status   status
	sent     int    // bytes of out that are on their way
	out      []byte // what the kernel did not take yet; nil when there is nothing
	timer    loop.Timer
	deadline int64
	progress int64
}

// Ready implements loop.Handler. Ready(0) is another turn that the connection asked for. Hot path.
func (c *Conn) Ready(e loop.Events) {
	if c.status&(connecting|shaking|closed) != 0 {
		c.readyEarly(e)
		return
	}
	if e&loop.HungUp != 0 {
		c.status |= hungUp
	}
	if e&loop.Broken != 0 {
		c.status |= readable
		c.user.Broken(nil)
		return
	}
	if e&loop.Writable != 0 && c.out != nil && !c.flush() {
		return
	}
	if e != loop.Writable && c.status&closed == 0 {
		c.status |= readable
		c.user.Readable()
	}
}

func (c *Conn) readyEarly(e loop.Events) {
	if c.status&shaking != 0 {
		c.shake(e)
		return
	}
	if c.status&closed != 0 || e&(loop.Writable|loop.Broken|loop.HungUp) == 0 {
		return
	}
	if err := socketError(c.fd); err != nil {
		c.user.Broken(err)
		return
	}
	if e&loop.Writable == 0 {
		return
	}
	c.status &^= connecting
	if c.tls != nil {
		c.tls.begin()
		return
	}
	c.user.Connected()
	if e&(loop.Readable|loop.HungUp) != 0 && c.status&closed == 0 {
		c.Ready(e &^ loop.Writable)
	}
}

// Expired implements loop.Expirer. The timer stands wherever an earlier deadline put it, so that moving a deadline
// costs a comparison.
func (c *Conn) Expired(now int64) (next int64) {
	if c.deadline > now || c.deadline == 0 {
		return c.deadline
	}
	c.deadline = 0
	c.user.Late()
	return c.deadline
}

// Crashed passes on that a handler of this connection panicked.
func (c *Conn) Crashed() { c.user.Crashed() }

// Deadline sets the loop time at which the user is told that it is Late; 0 for never.
func (c *Conn) Deadline(at int64) {
	if c.status&closed != 0 {
		return
	}
	c.deadline = at
	if at != 0 {
		c.net.Loop.Arm(&c.timer, at)
	}
}

// CanRead reports whether a Read may bring something.
func (c *Conn) CanRead() bool { return c.status&(readable|held) != 0 }

// HungUp reports whether the peer ended its side, though its last bytes may not have been read.
func (c *Conn) HungUp() bool { return c.status&hungUp != 0 }

// Read reads what is there into b. It returns ErrNotNow when there is nothing, io.EOF at the peer's end, ErrTruncated
// where TCP ended and TLS did not, a *TLSError for what TLS finds at fault, and the socket's error otherwise. Hot path.
func (c *Conn) Read(b []byte) (n int, err error) {
	if c.tls != nil {
		n, err = c.tls.read(b)
	} else {
		n, err = c.receive(b)
	}
	if c.trace != nil {
		c.trace.received(b[:n])
	}
	return n, err
}

// receive reads from the socket. Hot path.
func (c *Conn) receive(b []byte) (n int, err error) {
	n, errno := receive(c.fd, b)
	switch {
	case errno == unix.EAGAIN:
		c.status &^= readable
		if c.status&broken != 0 {
			return 0, c.end()
		}
		return 0, ErrNotNow
	case errno == unix.EINTR:
		return 0, nil
	case errno != 0:
		c.status &^= readable
		return 0, errno
	case n == 0:
		c.status = c.status&^readable | hungUp
		return 0, c.end()
	case n == len(b):
		c.status |= full
		return n, nil
	}
	c.status &^= full
	if c.status&hungUp == 0 { // drained: the next byte is a new event
		c.status &^= readable
	}
	return n, nil
}

// Full reports whether the last read filled its buffer: there may be much more.
func (c *Conn) Full() bool { return c.status&full != 0 }

// Silent reports whether the peer has sent nothing that waits to be read, and has neither ended nor reset the
// connection. It costs a system call: for requests that may not be sent twice. What TLS sends for its own sake, such as
// session tickets, is taken in and does not count.
func (c *Conn) Silent() bool {
	return (c.status&held == 0 && nothingToPeek(c.fd)) || (c.tls != nil && c.tls.silent())
}

// Shutdown ends our side after what is queued; bytes may still be received.
func (c *Conn) Shutdown() {
	if c.status&closed != 0 {
		return
	}
	if c.tls != nil {
		c.tls.end(0)
	}
	c.Deliver()
	if c.out != nil {
		c.status |= ending
		return
	}
	shutdownWrite(c.fd)
}

// CloseSent closes the connection after what is queued, at the loop time given at the latest. The user is not called
// any more.
func (c *Conn) CloseSent(latest int64) {
	c.user = closer{c}
	c.Deadline(latest)
}

// Again asks for another turn in the next round.
func (c *Conn) Again() { c.net.Loop.Again(c) }

// Reread has the user try to read in the next round: after a failed send, which may have taken the event of the end.
func (c *Conn) Reread() {
	c.status |= readable
	c.Again()
}

// Close closes the connection and drops its output queue, but sends what is posted. Closing twice is harmless.
func (c *Conn) Close() {
	if c.status&closed != 0 {
		return
	}
	if c.tls != nil {
		c.tls.leave()
	}
	c.Deliver()
	c.status, c.deadline = closed, 0
	c.net.Loop.Disarm(&c.timer)
	c.net.Loop.Forget(c.fd)
	closeSocket(c.fd)
	c.drop()
}

// Abort closes the connection with a reset, so that the peer cannot take what it has for the whole.
func (c *Conn) Abort() {
	if c.status&closed == 0 {
		c.Deliver()
		c.status |= broken
		resetOnClose(c.fd)
	}
	c.Close()
}

// Closed reports whether Close was called.
func (c *Conn) Closed() bool { return c.status&closed != 0 }

// end is what the end of the stream means: a send that failed has taken the socket's error with it.
func (c *Conn) end() error {
	if c.status&broken != 0 {
		return unix.ECONNRESET
	}
	return io.EOF
}
