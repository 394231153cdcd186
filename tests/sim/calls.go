//go:build sim

package sim

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// The system calls of the worker.

// Receive implements transport.Sockets.
func (k *kernel) Receive(fd int, b []byte) (int, unix.Errno) {
	s := k.at(fd)
	k.observer.calling(s)
	n, err := s.receive(b)
	k.observer.received(s)
	return n, err
}

// Send implements transport.Sockets.
func (k *kernel) Send(fd int, parts [][]byte) (int, unix.Errno) {
	s := k.at(fd)
	k.observer.calling(s)
	n, err := s.send(parts)
	if n > 0 {
		k.observer.sending(s, parts, n)
	}
	return n, err
}

// Accept implements transport.Sockets.
func (k *kernel) Accept(fd int) (int, netip.AddrPort, error) {
	l := k.at(fd)
	if len(l.backlog) == 0 {
		return -1, netip.AddrPort{}, unix.EAGAIN
	}
	if err := k.accepting(); err != 0 {
		return -1, netip.AddrPort{}, err
	}
	s := l.backlog[0]
	if err := k.open(s); err != 0 {
		return -1, netip.AddrPort{}, err
	}
	l.backlog = l.backlog[1:]
	return s.fd, s.address, nil
}

// Connect implements transport.Sockets.
func (k *kernel) Connect(address netip.AddrPort) (int, error) {
	s, _ := k.link()
	s.address, s.connects = address, true
	if err := k.open(s); err != 0 {
		return -1, err
	}
	if err := k.dial(s, address); err != 0 {
		k.forget(s)
		return -1, err
	}
	return s.fd, nil
}

// Err implements transport.Sockets.
func (k *kernel) Err(fd int) error {
	if err := k.at(fd).fetch(); err != 0 {
		return err
	}
	return nil
}

// Silent implements transport.Sockets.
func (k *kernel) Silent(fd int) bool {
	s := k.at(fd)
	s.looked = true
	return s.silent()
}

// Room implements transport.Sockets.
func (k *kernel) Room(fd int) int { return k.at(fd).room() }

// Shutdown implements transport.Sockets.
func (k *kernel) Shutdown(fd int) { k.at(fd).shut() }

// ResetOnClose implements transport.Sockets.
func (k *kernel) ResetOnClose(fd int) { k.at(fd).resets = true }

// Close implements transport.Sockets.
func (k *kernel) Close(fd int) {
	s := k.at(fd)
	k.observer.closing(s)
	s.close()
	k.forget(s)
}

// forget frees the descriptor.
func (k *kernel) forget(s *socket) {
	for i := range k.table {
		if k.table[i] == s {
			k.table[i] = nil
		}
	}
}
