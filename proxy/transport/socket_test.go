//go:build !sim

package transport

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// Where nobody listens, a socket that is given the port it connects to would be its own peer, and hear its own request.
func TestSocketDoesNotMeetItself(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(host), 0)
		fd, err := unix.Socket(family(to.Addr()), unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(fd, toSockaddr(to)); err != nil {
			_ = unix.Close(fd)
			t.Logf("%s: %v", host, err) // not each machine has IPv6
			continue
		}
		to = netip.AddrPortFrom(to.Addr(), portOf(t, fd))
		err = unix.Connect(fd, toSockaddr(to))
		if err != nil {
			t.Fatalf("%s: a socket cannot connect to itself: %v", host, err)
		}
		if fd, err = begun(fd, to, err); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%s: socket %d, %v", host, fd, err)
		}
	}
}

func TestSocketMeetsAnother(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	fd, err := connect(l.Addr().(*net.TCPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	closeSocket(fd)
}

func portOf(t *testing.T, fd int) uint16 {
	t.Helper()
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return uint16(a.Port)
	case *unix.SockaddrInet6:
		return uint16(a.Port)
	}
	t.Fatalf("a %T", name)
	return 0
}
