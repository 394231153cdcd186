package transport

import (
	"golang.org/x/sys/unix"

	"lb/proxy/loop"
)

// Bounds of what is posted.
const (
	postBelow = 4 << 10 // bytes: what is larger leaves at once
	maxPosts  = 32      // so that the first of them does not wait for long
)

// postpone, as a flag of put, has the bytes posted if they are few.
const postpone = -1

// outbox is what is posted: small sends of a round, which leave together at its end. A peer that is woken by the first of
// them is still awake when the next one comes, and ours are not interrupted by what they wake: 2 to 4 % of the CPU of a
// small request. Nothing of a user runs while they leave.
type outbox struct {
	bytes   []byte
	posts   []post
	next    int   // the first that has not left
	start   int   // of its bytes
	leaving *Conn // whose bytes are being sent
	waiting bool  // for the end of the round
}

// post is the bytes from the end of the post before up to its own.
type post struct {
	conn *Conn // nil: withdrawn
	end  int
}

// add posts what g has, and reports whether that was possible. The connection has nothing in its queue. Hot path.
func (o *outbox) add(c *Conn, g *Gather) bool {
	if g.Size() >= postBelow {
		return false
	}
	for _, p := range g.take() {
		o.bytes = append(o.bytes, p...)
	}
	o.posts = append(o.posts, post{c, len(o.bytes)})
	if c.status&posted == 0 {
		c.status = c.status&^departed | posted
	}
	o.await(c.net.Loop)
	if len(o.posts) >= maxPosts {
		o.dispatch()
	}
	return true
}

func (o *outbox) await(l *loop.Loop) {
	if !o.waiting {
		o.waiting = true
		l.Last(o)
	}
}

// Ready implements loop.Handler.
func (o *outbox) Ready(loop.Events) {
	o.waiting = false
	o.dispatch()
}

// dispatch sends all that is posted. Hot path.
func (o *outbox) dispatch() {
	defer o.contain()
	for o.next < len(o.posts) {
		p := o.posts[o.next]
		b := o.bytes[o.start:p.end]
		o.posts[o.next].conn = nil // a closed connection must not be kept alive
		o.next, o.start, o.leaving = o.next+1, p.end, p.conn
		if p.conn != nil {
			p.conn.depart(b)
		}
	}
	o.posts, o.bytes = o.posts[:0], o.bytes[:0]
	o.next, o.start, o.leaving = 0, 0, nil
}

// contain has a panic end the connection whose bytes were being sent, since nobody knows how many have left, besides
// whatever turn it was. The others' leave at the end of the round.
func (o *outbox) contain() {
	c := o.leaving
	if c == nil {
		return
	}
	o.leaving = nil
	o.await(c.net.Loop)
	c.status |= broken
	c.net.Loop.Again((*fallen)(c))
	for _, p := range o.posts[o.next:] {
		if p.conn != nil {
			p.conn.status |= posted // though an earlier post of it has left
		}
	}
}

// fallen is a connection that a panic has left with a hole in what it sends.
type fallen Conn

// Ready implements loop.Handler.
func (f *fallen) Ready(loop.Events) { f.Crashed() }

// Crashed closes it.
func (f *fallen) Crashed() {
	if c := (*Conn)(f); c.status&closed == 0 {
		c.user.Crashed()
	}
}

// severed is a connection on which posted bytes could not be sent. The failed send has taken the socket's error with it, so
// that no event will tell of it.
type severed Conn

// Ready implements loop.Handler.
func (s *severed) Ready(loop.Events) {
	if c := (*Conn)(s); c.status&closed == 0 {
		c.user.Broken(nil)
	}
}

// Crashed passes on that the user panicked.
func (s *severed) Crashed() { (*Conn)(s).Crashed() }

// withdraw drops what is posted on a connection.
func (o *outbox) withdraw(c *Conn) {
	for i := range o.posts {
		if o.posts[i].conn == c {
			o.posts[i].conn = nil
		}
	}
}

// Post is Send at the end of the present round. It is for small pieces; large ones leave at once. When they cannot be sent
// the user is told that the connection is Broken.
func (c *Conn) Post(g *Gather) error { return c.send(g, postpone) }

// Unsent reports whether what was posted last has not left, or could not.
func (c *Conn) Unsent() bool { return c.status&(posted|refused) != 0 }

// Failed reports whether a send failed: part of what was to be sent is lost.
func (c *Conn) Failed() bool { return c.status&broken != 0 }

// Withdraw drops what is posted. The connection is of no use then but to be closed.
func (c *Conn) Withdraw() {
	if c.status&posted != 0 {
		c.net.outbox.withdraw(c)
		c.status = c.status&^posted | refused | broken
	}
}

// Deliver sends what is posted now, before what must not come earlier.
func (c *Conn) Deliver() {
	if c.status&posted != 0 {
		c.net.outbox.dispatch()
	}
}

// depart sends posted bytes, of which others of the same round may have left before.
func (c *Conn) depart(b []byte) {
	c.status &^= posted
	switch {
	case c.status&(broken|closed) != 0:
		return
	case c.out != nil:
		c.out = append(c.out, b...)
		return
	}
	n, errno := send(c.fd, b, 0)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		n = 0
	case errno != 0:
		if c.status&departed == 0 {
			c.status |= refused
		}
		c.status |= dead
		c.net.Loop.Again((*severed)(c))
		return
	}
	if n > 0 {
		c.status |= departed
	}
	if n < len(b) {
		c.progress = c.net.Loop.Now()
		c.out, c.sent = append(c.net.buffer(), b[n:]...), 0
	}
}
