package upstream

import (
	"crypto/tls"
	"net/netip"
	"slices"

	"lb/messages"
)

// Backend is the pool of one backend in one worker.
type Backend struct {
	// Immutable.
	ID        string
	scheme    messages.Scheme
	Authority []byte // for a Host field that names the backend
	pool      *Pool

	// Loop's thread only.
	addresses []netip.AddrPort
	next      int // of addresses
	idle      []*Conn
	sessions  []*session // that may take more streams, now or later
	streams   int        // at a time, as the last session was told; 0: none was
	gone      bool       // of the configuration: connections close when their exchange is over
	dialect   dialect
	tls       *tls.Config // nil without TLS
	plain     *tls.Config // the same, but ALPN offers HTTP/1.1 alone
	common    *tls.Config // that it was made from
	stats     messages.PoolStats
}

// Acquire returns an attempt for x: on a connection that stands, or on one that is being made, in which case x will
// hear Connected or Failed, never before Acquire has returned.
func (b *Backend) Acquire(x Exchange, w Want) Attempt {
	if b.multiplexes(w) {
		return b.stream(x, w)
	}
	if last := len(b.idle) - 1; last >= 0 && !w.Fresh {
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

func (b *Backend) dial(x Exchange) *Conn {
	c := &Conn{line: newLine(b), exchange: x, phase: connecting}
	b.stats.Open++
	c.dial(c)
	return c
}

// Stats returns a copy of the counters.
func (b *Backend) Stats() messages.PoolStats { return b.stats }

// Idle is the number of idle connections.
func (b *Backend) Idle() int { return len(b.idle) }

// address is the next one in turn. All of a name are used, each connection beginning with another.
func (b *Backend) address() netip.AddrPort {
	b.next++
	return b.addresses[b.next%len(b.addresses)]
}

// keep puts an idle connection into the pool, or closes it if there are enough.
func (b *Backend) keep(c *Conn) {
	outdated := c.tls != b.tls && c.tls != b.plain || !slices.Contains(b.addresses, c.peer)
	if b.gone || outdated || len(b.idle) >= b.pool.maxIdle() {
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

// move takes the addresses that hold from now on. Idle connections to others are closed: while they were used again
// and again, requests would never follow a name that moves.
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
	b.partSessions(func(s *session) bool { return s.stage >= open && !slices.Contains(addresses, s.peer) })
}

// partSessions has those sessions take no more streams for which the condition holds. They end when they carry nothing.
func (b *Backend) partSessions(condition func(*session) bool) {
	for _, s := range slices.Clone(b.sessions) {
		switch {
		case !condition(s):
		case s.idle():
			s.part()
		default:
			s.leave()
		}
	}
}

func (b *Backend) retire() {
	b.gone = true
	b.closeIdle()
	b.sessions = nil
}

func (b *Backend) closeIdle() {
	for _, c := range b.idle {
		b.stats.Idle--
		c.close()
	}
	b.idle = nil
	b.partSessions((*session).idle)
}
