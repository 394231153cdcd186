package mp

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func open(t *testing.T, host string, port, n int) *Listeners {
	t.Helper()
	l, err := Listen(host, port, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func openIPv6(t *testing.T, host string) *Listeners {
	t.Helper()
	l, err := Listen(host, 0, 2)
	if lacksIPv6(err) {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// accept waits for a connection on one of the sockets and returns the index of that socket and the connection.
func accept(t *testing.T, l *Listeners) (int, int) {
	t.Helper()
	var ready []unix.PollFd
	for _, fd := range l.FDs() {
		ready = append(ready, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if n, err := unix.Poll(ready, 5000); n < 1 {
		t.Fatalf("no connection arrived: %v", err)
	}
	for i, r := range ready {
		if r.Revents&unix.POLLIN == 0 {
			continue
		}
		fd, _, err := unix.Accept(int(r.Fd))
		if err != nil {
			t.Fatal(err)
		}
		return i, fd
	}
	t.Fatal("poll named no socket")
	return 0, 0
}

func optionOf(t *testing.T, fd, level, word int) int {
	t.Helper()
	value, err := unix.GetsockoptInt(fd, level, word)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAllSocketsShareThePortThatTheKernelChose(t *testing.T) {
	l := open(t, "127.0.0.1", 0, 4)
	if l.Addr().Port() == 0 || l.Addr().Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Fatalf("address is %s", l.Addr())
	}
	if len(l.FDs()) != 4 {
		t.Fatalf("%d sockets", len(l.FDs()))
	}
	for _, fd := range l.FDs() {
		at, err := unix.Getsockname(fd)
		if err != nil || portOf(at) != l.Addr().Port() {
			t.Errorf("socket %d listens on port %d (%v), want %d", fd, portOf(at), err, l.Addr().Port())
		}
	}
}

// The first socket turned sharing on after it listened, so this is what shows that it is one of the group.
func TestConnectionsSpreadOverAllSockets(t *testing.T) {
	l := open(t, "127.0.0.1", 0, 4)
	const connections = 256
	counts := make([]int, 4)
	for range connections {
		c := dial(t, l.Addr().String())
		i, fd := accept(t, l)
		counts[i]++
		unix.Close(fd)
		c.Close()
	}
	for i, count := range counts {
		if count < connections/16 {
			t.Errorf("socket %d got %d of %d connections: %v", i, count, connections, counts)
		}
	}
}

func TestSocketsAndConnectionsHaveTheirOptions(t *testing.T) {
	l := open(t, "127.0.0.1", 0, 2)
	for i, fd := range l.FDs() {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("socket %d blocks: flags %#x, %v", i, flags, err)
		}
		flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("socket %d would be inherited: flags %#x, %v", i, flags, err)
		}
		if optionOf(t, fd, unix.SOL_SOCKET, unix.SO_REUSEPORT) == 0 {
			t.Errorf("socket %d does not share its port", i)
		}
	}
	dial(t, l.Addr().String())
	_, fd := accept(t, l)
	defer unix.Close(fd)
	if optionOf(t, fd, unix.IPPROTO_TCP, unix.TCP_NODELAY) == 0 {
		t.Error("an accepted connection lacks TCP_NODELAY")
	}
}

func TestIPv6Literal(t *testing.T) {
	for _, host := range []string{"::1", "[::1]"} {
		l := openIPv6(t, host)
		if l.Addr().Addr() != netip.IPv6Loopback() {
			t.Errorf("%s listens on %s", host, l.Addr())
		}
		dial(t, l.Addr().String())
		_, fd := accept(t, l)
		unix.Close(fd)
		wantInUse(t, l.Addr())
	}
}

func TestUnspecifiedIPv6TakesIPv4Too(t *testing.T) {
	for _, host := range []string{"::", ""} {
		l := openIPv6(t, host)
		if l.Addr().Addr() != netip.IPv6Unspecified() {
			t.Skipf("this machine has no IPv6: %q listens on %s", host, l.Addr())
		}
		for _, from := range []string{"127.0.0.1", "[::1]"} {
			dial(t, fmt.Sprintf("%s:%d", from, l.Addr().Port()))
			_, fd := accept(t, l)
			unix.Close(fd)
		}
		wantInUse(t, netip.AddrPortFrom(netip.IPv4Unspecified(), l.Addr().Port()))
	}
}

func TestBadAddressesAreNamed(t *testing.T) {
	for _, c := range []struct {
		host    string
		port, n int
		want    string
	}{
		{"example.com", 80, 1, `listen example.com:80: host "example.com" is not an IP address`},
		{"127.0.0.1", 65536, 1, `listen 127.0.0.1:65536: port must be 0 to 65535`},
		{"127.0.0.1", -1, 1, `listen 127.0.0.1:-1: port must be 0 to 65535`},
		{"::1", 8080, 0, `listen [::1]:8080: 0 sockets asked for, at least 1 needed`},
		{"fe80::1%no-such-link", 8080, 1, `listen [fe80::1%no-such-link]:8080: no network interface "no-such-link"`},
		{"192.0.2.1", 0, 1, `listen 192.0.2.1:0: ` + unix.EADDRNOTAVAIL.Error()},
	} {
		if l, err := Listen(c.host, c.port, c.n); err == nil {
			l.Close()
			t.Errorf("%s:%d is accepted", c.host, c.port)
		} else if err.Error() != c.want || strings.Contains(err.Error(), "\n") {
			t.Errorf("got  %q\nwant %q", err, c.want)
		}
	}
}
