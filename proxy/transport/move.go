package transport

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Movable reports whether all that is known of the connection is in the kernel, apart from what its user has read: no
// key of TLS, no byte that waits to be sent. What is posted is sent for it.
func (c *Conn) Movable() bool {
	c.Deliver()
	return c.tls == nil && c.out == nil && c.status&(connecting|shaking|broken|closed) == 0
}

// Release gives up a connection that is movable and returns its socket, which stays open. What was not read goes with
// it.
func (c *Conn) Release() (fd int) {
	c.status = closed
	c.net.Loop.Disarm(&c.timer)
	c.net.Loop.Unwatch(c.fd)
	return c.fd
}

// Discard closes a socket that Release has returned and nobody takes.
func Discard(fd int) { closeSocket(fd) }

// PeerOf asks the kernel for the other end of a connected socket; the zero value if it has none.
func PeerOf(fd int) netip.AddrPort {
	address, err := unix.Getpeername(fd)
	if err != nil {
		return netip.AddrPort{}
	}
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}
