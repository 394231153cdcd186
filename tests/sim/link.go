//go:build sim

package sim

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// pace is how the network carries what one end sends.
type pace struct {
	piece        int // bytes that arrive at a time, at most
	least, delay time.Duration
}

// maxPieces is how often what is on its way is cut, so that a long body in small pieces does not take for ever.
const maxPieces = 48

// link makes the two ends of a connection. Everything about it hangs on its number and the seed.
func (k *kernel) link() (from, to *socket) {
	k.links++
	from, to = k.end(2*k.links), k.end(2*k.links+1)
	from.peer, to.peer = to, from
	return from, to
}

func (k *kernel) end(id int) *socket {
	d := newDice(k.seed, id)
	s := &socket{k: k, id: id, dice: d}
	s.sendLimit, s.receiveLimit = queueSize(d), queueSize(d)
	s.pace.piece = one(d, 1, 7, 100, 1460, 1460, 8<<10, 64<<10, 1<<20)
	s.pace.least = d.span(0, 200*time.Microsecond)
	s.pace.delay = s.pace.least + d.span(0, one(d, 50*time.Microsecond, 500*time.Microsecond, 5*time.Millisecond))
	return s
}

// queueSize of a socket: most are those of Linux, some are as small as they can be set, a few make wide reads possible.
func queueSize(d dice) int {
	return one(d, 2304, 4608, 16<<10, 64<<10, 128<<10, 128<<10, 1<<20)
}

// carry has the network take up what is queued.
func (s *socket) carry() {
	if s.carrying {
		return
	}
	s.carrying = true
	s.k.agenda.after(s.dice.span(s.pace.least, s.pace.delay), s.id, s.arrive)
}

// arrive brings a piece, the end, or a reset to the other end.
func (s *socket) arrive() {
	s.carrying = false
	p := s.peer
	waiting := s.out.len()
	n := min(waiting, p.window(), max(s.dice.between(1, s.pace.piece), waiting/maxPieces))
	switch {
	case p.dead:
		s.out.cut(0)
		return
	case n > 0 && p.closed: // nobody can read it any more
		p.reset()
		s.out.cut(0)
		return
	case n > 0:
		p.arrived.add(s.out.bytes[s.out.start : s.out.start+n])
		s.out.start += n
		if p.woke(); s.noSpace && s.spacious() && !s.dead {
			s.noSpace = false
			s.woke()
		}
	}
	if s.out.len() == 0 {
		s.conclude()
	} else if p.window() > 0 {
		s.carry()
	}
}

// conclude tells the peer what comes behind the last byte.
func (s *socket) conclude() {
	switch {
	case s.resetting:
		s.peer.broken(unix.ECONNRESET)
	case s.ended && !s.told:
		s.told = true
		s.peer.hears = true
		s.peer.woke()
	}
}

// broken is the arrival of a reset.
func (s *socket) broken(err unix.Errno) {
	if s.dead || s.hears && s.told {
		return
	}
	if s.hears && !s.ended { // CLOSE-WAIT
		err = unix.EPIPE
	}
	s.dead, s.err = true, err
	s.out.cut(0)
	s.woke()
}

// stand makes a dialled connection stand at both ends.
func stand(from, to *socket) {
	from.connects, to.connects = false, false
	from.woke()
}

// refuse ends a connection that was being made.
func (s *socket) refuse(err unix.Errno) {
	s.connects, s.dead, s.err = false, true, err
	s.woke()
}

// call connects somebody to the worker's listener. The end that the worker will accept has no descriptor yet.
func (k *kernel) call(from netip.AddrPort) *socket {
	client, server := k.link()
	server.address = from
	client.connects = true
	k.agenda.after(client.pace.delay, client.id, func() {
		if k.listener == nil || k.listener.closed || client.closed {
			client.refuse(unix.ECONNREFUSED)
			return
		}
		stand(client, server)
		k.listener.backlog = append(k.listener.backlog, server)
		k.listener.woke()
	})
	return client
}
