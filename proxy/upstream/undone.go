package upstream

import (
	"lb/messages"
	"lb/proxy/loop"
)

// undone is a connection that could not even be begun. It is told in the next round, because who acquires a connection
// must not hear of its failure before it has it.
type undone struct {
	conn *Conn
	err  error
}

// Ready implements loop.Handler.
func (u *undone) Ready(loop.Events) {
	if u.conn.phase == connecting {
		u.conn.unconnected(u.err)
	}
}

// Crashed closes what belonged to it.
func (u *undone) Crashed() { u.conn.Crashed() }

// nowhere is a connection to a backend whose name has no address.
type nowhere struct{ conn *Conn }

// Ready implements loop.Handler.
func (n nowhere) Ready(loop.Events) {
	if n.conn.phase == connecting {
		n.conn.fail(messages.DNSError, "no address")
	}
}

// Crashed closes what belonged to it.
func (n nowhere) Crashed() { n.conn.Crashed() }
