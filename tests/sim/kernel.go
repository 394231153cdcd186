//go:build sim

package sim

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"lb/proxy/loop"
	"lb/proxy/transport"
)

// kernel is the one that the worker's loop and sockets run on: descriptors, a queue of those that were woken, and the
// links that lead to the other ends, which are not its own.
type kernel struct {
	lane     int
	seed     uint64
	agenda   agenda
	table    []*socket // by number; a descriptor is its number times Lanes, plus the lane
	ready    []*socket // woken and not reported yet
	limit    int       // descriptors
	links    int       // made so far
	progress uint64    // calls that moved something
	listener *socket
	observer observer
	// dial decides how a connection of the worker fares; see host.
	dial func(s *socket, to netip.AddrPort) unix.Errno
	// accepting may make accept fail.
	accepting func() unix.Errno
}

// observer is told what the worker does, before the bytes go anywhere.
type observer interface {
	// calling comes before a receive or a send. It may panic.
	calling(s *socket)
	// sending tells of the first n bytes of the parts.
	sending(s *socket, parts [][]byte, n int)
	received(s *socket)
	closing(s *socket)
}

var (
	_ loop.Kernel       = (*kernel)(nil)
	_ transport.Sockets = (*kernel)(nil)
)

// firstNumber of a descriptor: those below belong to others in any process.
const firstNumber = 3

func newKernel(lane int, seed uint64) *kernel {
	k := &kernel{lane: lane, seed: seed, limit: 1000, agenda: agenda{now: 1}, table: make([]*socket, firstNumber, 64)}
	transport.Simulate(lane, k)
	return k
}

// open gives a socket the lowest descriptor that is free.
func (k *kernel) open(s *socket) unix.Errno {
	for i := firstNumber; i < k.limit; i++ {
		if i == len(k.table) {
			k.table = append(k.table, nil)
		}
		if k.table[i] == nil {
			k.table[i] = s
			s.fd = i*transport.Lanes + k.lane
			k.progress++
			return 0
		}
	}
	return unix.EMFILE
}

func (k *kernel) at(fd int) *socket {
	s := k.table[fd/transport.Lanes]
	if s == nil {
		panic("system call on a closed descriptor")
	}
	return s
}

// opened are the sockets with a descriptor.
func (k *kernel) opened() (list []*socket) {
	for _, s := range k.table {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}

// Now implements loop.Kernel.
func (k *kernel) Now() int64 { return k.agenda.now }

// Watch implements loop.Kernel. A descriptor that is ready already is reported, as epoll_ctl does.
func (k *kernel) Watch(fd int, generation uint32) {
	s := k.at(fd)
	s.watched, s.generation = true, generation
	s.woke()
}

// Unwatch implements loop.Kernel.
func (k *kernel) Unwatch(fd int) { k.at(fd).watched = false }

// Collect implements loop.Kernel.
func (k *kernel) Collect(most int, report func(fd int, generation uint32, ready loop.Events)) {
	n := min(len(k.ready), most)
	for _, s := range k.ready[:n] {
		s.queued = false
		if !s.watched {
			continue
		}
		if ready := s.readiness(); ready != 0 {
			report(s.fd, s.generation, ready)
		}
	}
	k.ready = append(k.ready[:0], k.ready[n:]...)
}
