package transport

import "golang.org/x/sys/unix"

// What leaves a connection: at once, at the end of the round, or when the kernel has room again.

// Progress is the loop time at which the kernel last took bytes from the output queue.
func (c *Conn) Progress() int64 { return c.progress }

// Room is how many bytes the kernel would take at once now, roughly. It costs a system call.
func (c *Conn) Room() int {
	if c.out != nil {
		return 0
	}
	return sendRoom(c.fd)
}

// Send sends what g has gathered and empties it. What the kernel does not take is queued; Flushed follows. After an
// error nothing is queued. Hot path.
func (c *Conn) Send(g *Gather) error { return c.send(g, 0) }

// SendLast is Send for the last bytes before Close or Shutdown, which must follow at once: the kernel holds them back
// for it, so that they and the end of the stream leave in one packet.
func (c *Conn) SendLast(g *Gather) error { return c.send(g, sendMore) }

func (c *Conn) send(g *Gather, flags int) error {
	if c.trace != nil {
		c.trace.sent(g.take())
	}
	if c.tls != nil {
		return c.tls.send(g, flags)
	}
	return c.put(g, flags)
}

// Parted reports whether a part of what was to be sent last had left, though Send has failed.
func (c *Conn) Parted() bool { return c.tls != nil && c.tls.parted }

// put hands bytes to the kernel, to the outbox or to the queue.
func (c *Conn) put(g *Gather, flags int) error {
	defer g.Reset()
	switch {
	case c.status&closed != 0: // the descriptor may be another's by now
		return unix.EBADF
	case c.status&broken != 0: // a part is missing: nothing may come behind it
		return unix.EPIPE
	case c.out != nil:
		c.queue(g, 0)
		return nil
	case flags == postpone:
		if c.net.outbox.add(c, g) {
			return nil
		}
		flags = 0
	}
	if c.status&posted != 0 || g.Size() >= postBelow && c.net.outbox.waiting {
		c.net.outbox.dispatch() // what is small does not wait behind what is large
		if c.status&broken != 0 || c.out != nil {
			return c.put(g, flags)
		}
	}
	return c.transmit(g, flags)
}

// transmit hands bytes to the kernel, and to the queue what that does not take.
func (c *Conn) transmit(g *Gather, flags int) error {
	n, errno := 0, unix.Errno(0)
	if parts := g.take(); len(parts) == 1 {
		n, errno = send(c.fd, parts[0], flags)
	} else if len(parts) > 1 {
		n, errno = sendParts(c.fd, parts, flags)
	}
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		n = 0
	case errno != 0:
		c.status |= dead
		return errno
	}
	if n < g.size {
		c.progress = c.net.Loop.Now()
		c.queue(g, n)
	}
	return nil
}

// Pending is the number of bytes that wait in the output queue. What is posted is not among them.
func (c *Conn) Pending() int { return len(c.out) - c.sent }

func (c *Conn) queue(g *Gather, skip int) {
	if c.out == nil {
		c.out, c.sent = c.net.buffer(), 0
	}
	for _, p := range g.take() {
		if skip >= len(p) {
			skip -= len(p)
			continue
		}
		c.out = append(c.out, p[skip:]...)
		skip = 0
	}
}

// flush sends from the queue and reports whether the connection still stands.
func (c *Conn) flush() bool {
	n, errno := send(c.fd, c.out[c.sent:], 0)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return true
	case errno != 0:
		c.status |= dead
		c.drop()
		if c.status&shaking == 0 {
			c.user.Broken(nil)
		}
		return false
	}
	c.progress = c.net.Loop.Now()
	if c.sent += n; c.sent < len(c.out) {
		return true
	}
	c.drop()
	if c.status&ending != 0 {
		shutdownWrite(c.fd)
	}
	if c.status&shaking == 0 {
		c.user.Flushed()
	}
	return c.status&closed == 0
}

func (c *Conn) drop() {
	if c.out != nil {
		c.net.release(c.out)
		c.out, c.sent = nil, 0
	}
}
