package mp

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Adopt takes over listening sockets that another process made and this one has inherited. They belong to the Listeners
// from then on. All must listen on one address.
func Adopt(fds []int) (*Listeners, error) { return kernel().adopt(fds) }

func (s system) adopt(fds []int) (*Listeners, error) {
	if len(fds) == 0 {
		return nil, errors.New("adopt: no socket")
	}
	l := &Listeners{fds: append([]int(nil), fds...), sys: s, adopted: true}
	for i, fd := range fds {
		address, err := s.listensAt(fd)
		if err == nil && i > 0 && address != l.addr {
			err = fmt.Errorf("listens on %s, another one on %s", address, l.addr)
		}
		if err != nil {
			return nil, fmt.Errorf("adopt descriptor %d: %w", fd, err)
		}
		l.addr = address
	}
	return l, nil
}

// listensAt is the address of a listening TCP socket, which is made non-blocking if it is not.
func (s system) listensAt(fd int) (netip.AddrPort, error) {
	if listens, err := s.get(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil {
		return netip.AddrPort{}, err
	} else if listens == 0 {
		return netip.AddrPort{}, errors.New("does not listen")
	}
	bound, err := s.name(fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	address, ok := addressOf(bound)
	if !ok {
		return netip.AddrPort{}, errors.New("not a TCP socket")
	}
	return address, unix.SetNonblock(fd, true)
}

func addressOf(bound unix.Sockaddr) (netip.AddrPort, bool) {
	switch a := bound.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), true
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr)
		if a.ZoneId != 0 {
			ip = ip.WithZone(fmt.Sprint(a.ZoneId))
		}
		return netip.AddrPortFrom(ip, uint16(a.Port)), true
	}
	return netip.AddrPort{}, false
}

// At reports whether the sockets listen where Listen(host, port, …) would; a port of 0 is any.
func (l *Listeners) At(host netip.Addr, port uint16) bool {
	return l.addr.Addr() == host.Unmap() && (port == 0 || port == l.addr.Port())
}

// Grow opens sockets on the same address until there are n. Sockets that do not share their address, as those from a
// service manager do not, stay as many as they are: several workers accept from one then.
func (l *Listeners) Grow(n int) error {
	if l.adopted && !l.shares() {
		return nil
	}
	for len(l.fds) < n {
		had := len(l.fds)
		if err := l.add(); err != nil {
			return fmt.Errorf("listen %s: %w", l.addr, errors.Join(err, l.cut(had)))
		}
	}
	return nil
}

// cut closes what add opened and could not prepare.
func (l *Listeners) cut(to int) error {
	var errs []error
	for _, fd := range l.fds[to:] {
		errs = append(errs, l.sys.close(fd))
	}
	l.fds = l.fds[:to]
	return errors.Join(errs...)
}

func (l *Listeners) shares() bool {
	for _, fd := range l.fds {
		if on, err := l.sys.get(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT); err != nil || on == 0 {
			return false
		}
	}
	return true
}

// Deafen has the sockets take no new connection any more, neither here nor in other processes that have them. Those in
// their queues can still be accepted, and when all are, the sockets can be closed without a reset for anybody.
func (l *Listeners) Deafen() error {
	var first error // all sockets fail for the same reason, if they do
	for _, fd := range l.fds {
		if err := l.sys.deafen(fd); err != nil && first == nil {
			first = fmt.Errorf("deafen listeners on %s: %w", l.addr, err)
		}
	}
	return first
}

// Shares deals the sockets out to so many workers. Each worker has at least one; with fewer sockets than workers,
// several have the same.
func (l *Listeners) Shares(workers int) [][]int {
	shares := make([][]int, workers)
	for i := range max(workers, len(l.fds)) {
		fd := l.fds[i%len(l.fds)]
		shares[i%workers] = append(shares[i%workers], fd)
	}
	return shares
}
