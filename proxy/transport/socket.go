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

// inProgress reports whether a non-blocking connect has begun or is done.
func inProgress(err error) bool { return err == nil || err == unix.EINPROGRESS || err == unix.EINTR }
