package upstream

import (
	"lb/proxy/h1"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// Movable reports whether this side of a tunnel can go to another process: the backend has not ended it, and nothing
// waits here.
func (c *Conn) Movable() bool {
	return c.phase == tunnelling && !c.body.Done() && !c.tcp.Failed() && c.tcp.Movable()
}

// Release gives up a tunnel that is movable and returns its socket, which stays open. The exchange hears nothing of it.
func (c *Conn) Release() (fd int) {
	c.phase, c.exchange = gone, nil
	c.backend.stats.Open--
	return c.tcp.Release()
}

// AdoptTunnel goes on with the backend's side of a tunnel. It owns the socket.
func (b *Backend) AdoptTunnel(fd int, x Exchange) (*Conn, error) {
	c := &Conn{
		line: line{backend: b, peer: transport.PeerOf(fd)}, exchange: x, phase: tunnelling,
		body: h1.NewBody(semantics.UntilClose), whole: true, sent: true, answered: true,
	}
	tcp, err := b.pool.Net.Adopt(fd, c)
	if err != nil {
		return nil, err
	}
	c.tcp = tcp
	tcp.ShowAs(b.ID, c.peer)
	b.stats.Open++
	c.expect()
	return c, nil
}

// Former is a backend that is in no snapshot. It is for tunnels that were made while it was in one.
func (p *Pool) Former(id string) *Backend { return &Backend{ID: id, pool: p, gone: true} }
