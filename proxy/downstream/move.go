package downstream

// A connection that waits for a request can be served by another process as well as by this one: nothing of it is here.
// What the client sends meanwhile waits in the kernel and goes with the socket.

// movesIdle reports whether the connection goes to another process instead of ending. Hot path.
func (c *Conn) movesIdle() bool { return c.clients.Move != nil && c.tcp.Movable() }

// ends reports whether the request that is served is the last one of the connection. Hot path.
func (c *Conn) ends() bool { return c.clients.Draining && !c.movesIdle() }

// waitsIdle reports whether not a byte of a request has been read.
func (c *Conn) waitsIdle() bool { return c.exchange == nil && c.phase == reading && len(c.rest) == 0 }

// MoveIdle has Move take the connections that wait for a request. Those that come to wait later follow by themselves.
func (cs *Clients) MoveIdle() {
	var moved []*Conn
	var fds []int
	for c := cs.first; c != nil; c = c.next {
		if c.waitsIdle() && c.movesIdle() {
			moved = append(moved, c)
		}
	}
	for _, c := range moved {
		fds = append(fds, c.release())
	}
	if len(fds) > 0 {
		cs.Move(fds)
	}
	for _, c := range moved {
		cs.Server.Left(c)
	}
}

// move has Move take the connection if it waits for a request, and reports whether that is so.
func (c *Conn) move() bool {
	if !c.waitsIdle() || !c.movesIdle() {
		return false
	}
	c.clients.Move([]int{c.release()})
	c.clients.Server.Left(c)
	return true
}

// release takes the connection out of the worker.
func (c *Conn) release() (fd int) {
	c.phase = gone
	fd = c.tcp.Release()
	c.clients.remove(c)
	return fd
}
