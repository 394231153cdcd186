//go:build unix && !linux && !sim

package transport

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

func receive(fd int, b []byte) (int, unix.Errno) {
	n, err := unix.Read(fd, b)
	return max(n, 0), errnoOf(err)
}

// sendMore has no counterpart.
const sendMore = 0

func send(fd int, b []byte, _ int) (int, unix.Errno) {
	n, err := unix.Write(fd, b)
	return max(n, 0), errnoOf(err)
}

func sendParts(fd int, parts [][]byte, _ int) (int, unix.Errno) {
	total := 0
	for _, p := range parts {
		n, errno := send(fd, p, 0)
		if total += n; errno != 0 && total == 0 {
			return 0, errno
		}
		if n < len(p) {
			break
		}
	}
	return total, 0
}

// queued is not known.
func queued(int) int { return longestQueue }

// sendRoom is not known.
func sendRoom(int) int { return 0 }

func nothingToPeek(fd int) bool {
	var one [1]byte
	_, _, err := unix.Recvfrom(fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == unix.EAGAIN
}

func accept(fd int) (int, netip.AddrPort, error) {
	n, address, err := unix.Accept(fd)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	if err := prepare(n); err != nil {
		closeSocket(n)
		return -1, netip.AddrPort{}, err
	}
	return n, fromSockaddr(address), nil
}

func fromSockaddr(s unix.Sockaddr) netip.AddrPort {
	switch a := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// prepare does what Linux does with flags of socket and accept4.
func prepare(fd int) error {
	unix.CloseOnExec(fd)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return unix.SetNonblock(fd, true)
}

func closeSocket(fd int) { _ = unix.Close(fd) }

func connect(address netip.AddrPort) (int, error) {
	fd, err := unix.Socket(family(address.Addr()), unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	if err = prepare(fd); err == nil {
		err = unix.Connect(fd, toSockaddr(address))
	}
	return begun(fd, address, err)
}

func errnoOf(err error) unix.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(unix.Errno); ok {
		return errno
	}
	return unix.EIO
}
