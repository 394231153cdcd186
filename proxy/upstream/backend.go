package upstream

import (
	"net/netip"
	"slices"

	"lb/messages"
)

// Backend is the pool of one backend in one worker.
type Backend struct {
	// Immutable.
	ID        string
	Authority []byte // host:port, for a Host field that names the backend
	pool      *Pool

	// Loop's thread only.
	addresses []netip.AddrPort
	next      int // of addresses
	idle      []*Conn
	gone      bool // of the configuration: connections close when their exchange is over
	stats     messages.PoolStats
}

// Acquire returns a connection for x: an idle one, or one that is being made, in which case x will hear Connected or
// Failed, never before Acquire has returned. With fresh no idle one is taken.
func (b *Backend) Acquire(x Exchange, fresh bool) *Conn {
	if last := len(b.idle) - 1; last >= 0 && !fresh {
		c := b.idle[last]
		b.idle[last] = nil
		b.idle = b.idle[:last]
		b.stats.Idle--
		b.stats.Reuses++
		c.begin(x)
		return c
	}
	return b.dial(x)
}

// Stats returns a copy of the counters.
func (b *Backend) Stats() messages.PoolStats { return b.stats }

// Idle is the number of idle connections.
func (b *Backend) Idle() int { return len(b.idle) }

func (b *Backend) dial(x Exchange) *Conn {
	c := &Conn{backend: b, exchange: x, phase: connecting, left: len(b.addresses)}
	b.stats.Open++
	c.dialNext()
	return c
}

// address is the next one in turn. All of a name are used, each connection beginning with another.
func (b *Backend) address() netip.AddrPort {
	b.next++
	return b.addresses[b.next%len(b.addresses)]
}

// keep puts an idle connection into the pool, or closes it if there are enough.
func (b *Backend) keep(c *Conn) {
	if b.gone || len(b.idle) >= b.pool.maxIdle() || !slices.Contains(b.addresses, c.peer) {
		c.close()
		return
	}
	b.idle = append(b.idle, c)
	b.stats.Idle++
	c.tcp.Deadline(b.pool.in(int64(b.pool.Config.Timeouts.Idle)))
}

// remove takes an idle connection out of the pool. It is likely to be among the oldest.
func (b *Backend) remove(c *Conn) {
	for i := range b.idle {
		if b.idle[i] == c {
			copy(b.idle[i:], b.idle[i+1:])
			b.idle[len(b.idle)-1] = nil
			b.idle = b.idle[:len(b.idle)-1]
			b.stats.Idle--
			return
		}
	}
}

// move takes the addresses that hold from now on. Idle connections to others are closed: while they were used again and again,
// requests would never follow a name that moves.
func (b *Backend) move(addresses []netip.AddrPort) {
	if slices.Equal(b.addresses, addresses) {
		return
	}
	b.addresses = addresses
	b.idle = slices.DeleteFunc(b.idle, func(c *Conn) bool {
		moved := !slices.Contains(addresses, c.peer)
		if moved {
			b.stats.Idle--
			c.close()
		}
		return moved
	})
}

func (b *Backend) retire() {
	b.gone = true
	b.closeIdle()
}

func (b *Backend) closeIdle() {
	for _, c := range b.idle {
		b.stats.Idle--
		c.close()
	}
	b.idle = nil
}
