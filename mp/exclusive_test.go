package mp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func wantInUse(t *testing.T, addr netip.AddrPort) {
	t.Helper()
	l, err := Listen(addr.Addr().String(), int(addr.Port()), 2)
	if err == nil {
		l.Close()
		t.Fatalf("a second listener got %s too", addr)
	}
	if want := fmt.Sprintf("listen %s: address already in use", addr); err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
	if !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("%v does not wrap EADDRINUSE", err)
	}
}

func TestPortInUseIsAnError(t *testing.T) {
	t.Run("by an ordinary listener", func(t *testing.T) {
		other, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		wantInUse(t, other.Addr().(*net.TCPAddr).AddrPort())
	})
	t.Run("by another instance that shares its port", func(t *testing.T) {
		wantInUse(t, open(t, "127.0.0.1", 0, 2).Addr())
	})
	t.Run("by an instance on all addresses", func(t *testing.T) {
		port := open(t, "0.0.0.0", 0, 2).Addr().Port()
		wantInUse(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	})
	t.Run("by an instance on one address", func(t *testing.T) {
		port := open(t, "127.0.0.1", 0, 2).Addr().Port()
		wantInUse(t, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
	})
}

func TestOfInstancesThatStartTogetherOneListens(t *testing.T) {
	all := 0
	for range 50 {
		free := open(t, "127.0.0.1", 0, 1)
		free.Close()
		winners := startTogether(8, int(free.Addr().Port()))
		if winners > 1 {
			t.Fatalf("%d instances listen on one port", winners)
		}
		all += winners
	}
	if all == 0 {
		t.Error("none ever listened")
	}
}

// startTogether counts those of n instances that got to listen on the port before any of them stopped.
func startTogether(n, port int) int {
	started := make([]*Listeners, n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range started {
		wg.Go(func() {
			<-begin
			started[i], _ = Listen("127.0.0.1", port, 2)
		})
	}
	close(begin)
	wg.Wait()
	winners := 0
	for _, l := range started {
		if l != nil {
			winners++
			l.Close()
		}
	}
	return winners
}

// The server closes first, so that its end of the connection stays in TIME_WAIT, as after a restart under load.
func TestConnectionsInTimeWaitDoNotBlockARestart(t *testing.T) {
	l := open(t, "127.0.0.1", 0, 2)
	c := dial(t, l.Addr().String())
	_, fd := accept(t, l)
	unix.Close(fd)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("the connection is still open")
	}
	c.Close()
	l.Close()
	open(t, "127.0.0.1", int(l.Addr().Port()), 2)
}

func TestConnectionsOfAnInstanceThatEndsDoNotBlockTheNext(t *testing.T) {
	l := open(t, "127.0.0.1", 0, 2)
	dial(t, l.Addr().String())
	_, fd := accept(t, l)
	defer unix.Close(fd)
	l.Close()
	open(t, "127.0.0.1", int(l.Addr().Port()), 2)
}
