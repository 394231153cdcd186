package downstream

import (
	"net/netip"
	"time"

	"lb/messages"
	"lb/proxy/h1"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// Chance is how long a client may still send a request on an idle connection during a drain: one that is on its way would
// be lost otherwise.
const Chance = time.Second

// Clients is the client side of one worker. Loop's thread only.
type Clients struct {
	Net    *transport.Network
	Server Server
	Config *messages.Config // replaced, never written, by whoever applies a snapshot
	// Draining lets a connection without a request wait for no longer than Chance, and announces the end on every response
	// from now on (RFC 9112 §9.6).
	Draining bool
	// Move takes sockets of connections that wait for a request, each as soon as it does, and those of tunnels; nil:
	// nobody does. It must not block.
	Move func(what messages.Moved, fds []int)
	// Received came from the clients, Sent went to them: bytes of all connections so far.
	Received, Sent uint64

	first   *Conn // of a doubly linked list
	turn    *Conn // that is reading: the code of its requests runs
	open    int
	out     transport.Gather
	request semantics.Request // of the connection whose turn it is
}

// Adopt serves a connected, non-blocking socket, which it owns from then on.
func (cs *Clients) Adopt(fd int, peer netip.AddrPort) error {
	c, err := cs.adopt(fd, peer)
	if err == nil {
		c.tcp.Deadline(cs.in(int64(cs.Config.Timeouts.Idle)))
	}
	return err
}

func (cs *Clients) adopt(fd int, peer netip.AddrPort) (*Conn, error) {
	c := &Conn{clients: cs, Peer: peer}
	tcp, err := cs.Net.Adopt(fd, c)
	if err != nil {
		return nil, err
	}
	c.tcp = tcp
	tcp.ShowAs("", peer)
	c.next = cs.first
	if c.next != nil {
		c.next.previous = c
	}
	cs.first = c
	cs.open++
	return c, nil
}

// Reset drops what was written and not flushed, after a panic in between.
func (cs *Clients) Reset() { cs.out.Reset() }

// Crashed ends the connection whose requests were being read when the code panicked. The turn may have been another's: that
// of the backend whose response was over.
func (cs *Clients) Crashed() {
	c := cs.turn
	cs.turn = nil
	if c != nil {
		c.Crashed()
	}
}

// Open is the number of connections.
func (cs *Clients) Open() int { return cs.open }

// CloseIdle closes the connections that wait for a request of which no byte has come.
func (cs *Clients) CloseIdle() {
	for c := cs.first; c != nil; {
		next := c.next
		if c.waitsIdle() && !c.tcp.CanRead() && !c.unsent() {
			c.close()
		}
		c = next
	}
}

// Abort ends every connection at once and tells their exchanges the reason.
func (cs *Clients) Abort(reason messages.Reason) {
	for cs.first != nil {
		c := cs.first
		if x := c.exchange; x != nil {
			x.Aborted(reason)
		}
		c.Abort()
	}
}

func (cs *Clients) remove(c *Conn) {
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		cs.first = c.next
	}
	if c.next != nil {
		c.next.previous = c.previous
	}
	c.next, c.previous = nil, nil
	cs.open--
}

func (cs *Clients) limits() h1.Limits { return h1.Limits{HeadBytes: cs.Config.Limits.HeaderBytes} }

// in is the loop time after so many nanoseconds.
func (cs *Clients) in(nanoseconds int64) int64 { return cs.Net.Loop.Now() + nanoseconds }
