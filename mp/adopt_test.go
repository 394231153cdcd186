package mp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inherit is what a process gets that is started with these sockets: descriptors of its own.
func inherit(t *testing.T, l *Listeners) (fds []int) {
	t.Helper()
	for _, fd := range l.FDs() {
		copied, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, copied)
	}
	return fds
}

func TestAdoptedSocketsGoOnWhereTheyListened(t *testing.T) {
	l := open(t, "127.0.0.1", 0, 2)
	c := dial(t, l.Addr().String())
	defer c.Close()
	adopted, err := Adopt(inherit(t, l))
	if err != nil {
		t.Fatal(err)
	}
	defer adopted.Close()
	l.Close()
	_, fd := accept(t, adopted)
	defer unix.Close(fd)
	if adopted.Addr() != l.Addr() {
		t.Errorf("address %s, want %s", adopted.Addr(), l.Addr())
	}
	host, port := l.Addr().Addr(), l.Addr().Port()
	for _, at := range []struct {
		host netip.Addr
		port uint16
		want bool
	}{{host, port, true}, {host, 0, true}, {host, port + 1, false}, {netip.IPv4Unspecified(), port, false}} {
		if adopted.At(at.host, at.port) != at.want {
			t.Errorf("at %s:%d is %v", at.host, at.port, !at.want)
		}
	}
}

func TestAdoptRefusesWhatDoesNotListenOnOneAddress(t *testing.T) {
	one, other := open(t, "127.0.0.1", 0, 1), open(t, "127.0.0.1", 0, 1)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	idle, err := socket(unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(idle)
	for name, c := range map[string]struct {
		fds []int
		why string
	}{
		"none":          {nil, "no socket"},
		"a file":        {[]int{int(null.Fd())}, "socket operation on non-socket"},
		"not listening": {[]int{idle}, "does not listen"},
		"two addresses": {[]int{one.FDs()[0], other.FDs()[0]}, "another one on " + one.Addr().String()},
	} {
		if _, err := Adopt(c.fds); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
	}
}

func TestGrownSocketsShareTheAddress(t *testing.T) {
	l := open(t, "127.0.0.1", 0, 1)
	adopted, err := Adopt(inherit(t, l))
	if err != nil {
		t.Fatal(err)
	}
	defer adopted.Close()
	if err := adopted.Grow(3); err != nil || len(adopted.FDs()) != 3 {
		t.Fatalf("%d sockets, %v", len(adopted.FDs()), err)
	}
	for _, fd := range adopted.FDs() {
		if at, err := unix.Getsockname(fd); err != nil || portOf(at) != l.Addr().Port() {
			t.Errorf("socket %d: port %d, %v", fd, portOf(at), err)
		}
	}
	if err := adopted.Grow(2); err != nil || len(adopted.FDs()) != 3 {
		t.Errorf("%d sockets after growing to fewer, %v", len(adopted.FDs()), err)
	}
}

// A socket of a service manager does not share its address: there is nothing to add to it.
func TestSocketsThatDoNotShareStayAsManyAsTheyAre(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(file.Fd()))
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	adopted, err := Adopt([]int{fd})
	if err != nil {
		t.Fatal(err)
	}
	defer adopted.Close()
	if err := adopted.Grow(4); err != nil || len(adopted.FDs()) != 1 {
		t.Errorf("%d sockets, %v", len(adopted.FDs()), err)
	}
}

func TestEachWorkerHasAShare(t *testing.T) {
	for _, c := range []struct {
		fds     []int
		workers int
		want    [][]int
	}{
		{[]int{5, 6}, 2, [][]int{{5}, {6}}},
		{[]int{5, 6, 7}, 2, [][]int{{5, 7}, {6}}},
		{[]int{5, 6, 7}, 1, [][]int{{5, 6, 7}}},
		{[]int{5}, 3, [][]int{{5}, {5}, {5}}},
		{[]int{5, 6}, 3, [][]int{{5}, {6}, {5}}},
	} {
		l := &Listeners{fds: c.fds}
		if got := l.Shares(c.workers); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v for %d workers: %v, want %v", c.fds, c.workers, got, c.want)
		}
	}
}

// Who has come before is served; who comes later is neither taken nor turned away.
func TestDeafSocketsTakeNothingNew(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no other system can do that")
	}
	l := open(t, "127.0.0.1", 0, 1)
	early := dial(t, l.Addr().String())
	defer early.Close()
	if err := l.Deafen(); err != nil {
		t.Fatal(err)
	}
	late, err := net.DialTimeout("tcp", l.Addr().String(), 100*time.Millisecond)
	var failure net.Error
	// Where a filter takes privileges that this test has not, those who come late are refused.
	if dropped := errors.As(err, &failure) && failure.Timeout(); !dropped && !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a late client: %v, %v", late, err)
	}
	_, fd := accept(t, l)
	defer unix.Close(fd)
	if _, _, err := unix.Accept(l.FDs()[0]); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("a second connection: %v", err)
	}
}
