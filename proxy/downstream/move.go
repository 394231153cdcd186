package downstream

import (
	"net/netip"

	"lb/messages"
	"lb/proxy/h1"
	"lb/proxy/semantics"
)

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
		fds = append(fds, c.Release())
	}
	if len(fds) > 0 {
		cs.Move(messages.ConnectionsMoved{}, fds)
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
	c.clients.Move(messages.ConnectionsMoved{}, []int{c.Release()})
	c.clients.Server.Left(c)
	return true
}

// Tunnels returns the exchanges that have become tunnels.
func (cs *Clients) Tunnels() (tunnels []Exchange) {
	for c := cs.first; c != nil; c = c.next {
		if c.framing == raw && c.exchange != nil {
			tunnels = append(tunnels, c.exchange)
		}
	}
	return tunnels
}

// TunnelMovable reports whether this side of a tunnel can go to another process: the client has not ended it, and
// nothing waits here.
func (c *Conn) TunnelMovable() bool {
	return c.framing == raw && c.phase == receiving && len(c.rest) == 0 && !c.turning && c.tcp.Movable()
}

// AdoptTunnel goes on with the client's side of a tunnel. It owns the socket.
func (cs *Clients) AdoptTunnel(fd int, peer netip.AddrPort, x Exchange) (*Conn, error) {
	c, err := cs.adopt(fd, peer)
	if err != nil {
		return nil, err
	}
	c.exchange, c.framing, c.version = x, raw, semantics.HTTP11
	c.phase, c.body = receiving, h1.NewBody(semantics.UntilClose)
	c.expect()
	return c, nil
}

// Release takes a connection that can move out of the worker and returns its socket, which stays open. The Server hears
// nothing of it.
func (c *Conn) Release() (fd int) {
	c.phase, c.exchange = gone, nil
	fd = c.tcp.Release()
	c.clients.remove(c)
	return fd
}
