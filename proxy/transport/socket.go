//go:build !sim

package transport

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// socketError fetches and clears the error of a socket.
func socketError(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if code != 0 {
		return unix.Errno(code)
	}
	return nil
}

func shutdownWrite(fd int) { _ = unix.Shutdown(fd, unix.SHUT_WR) }

// resetOnClose makes close send a reset instead of an end (RFC 9293 §3.10.7).
func resetOnClose(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

func family(address netip.Addr) int {
	if address.Is4() || address.Is4In6() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func toSockaddr(address netip.AddrPort) unix.Sockaddr {
	if a := address.Addr().Unmap(); a.Is4() {
		return &unix.SockaddrInet4{Port: int(address.Port()), Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Port: int(address.Port()), Addr: address.Addr().As16()}
}

// begun is what came of a connect: the socket, or an error, and then it is closed.
func begun(fd int, address netip.AddrPort, err error) (int, error) {
	switch {
	case !inProgress(err):
	case meetsItself(fd, address):
		err = unix.ECONNREFUSED // nobody else is there
	default:
		return fd, nil
	}
	closeSocket(fd)
	return -1, err
}

// meetsItself reports whether a socket that connects to an address of this machine was given that very port for its own
// end, and so has connected to itself (RFC 9293 §3.5, simultaneous open). It happens where nobody listens, once in some ten
// thousand times, if the port is one of those that outgoing connections get.
func meetsItself(fd int, address netip.AddrPort) bool {
	own, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	switch a := own.(type) {
	case *unix.SockaddrInet4:
		return a.Port == int(address.Port()) && a.Addr == address.Addr().Unmap().As4()
	case *unix.SockaddrInet6:
		return a.Port == int(address.Port()) && a.Addr == address.Addr().As16()
	}
	return false
}

// inProgress reports whether a non-blocking connect has begun or is done.
func inProgress(err error) bool { return err == nil || err == unix.EINPROGRESS || err == unix.EINTR }
