package mp

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// refusing is the kernel, except that the nth call of one kind fails; it counts the sockets that are open.
type refusing struct {
	call  string
	nth   int
	with  error
	calls map[string]int
	open  int
}

func (r *refusing) refuse(call string) error {
	r.calls[call]++
	if call == r.call && r.calls[call] == r.nth {
		return r.with
	}
	return nil
}

// guard makes a call unless it is the one to refuse.
func (r *refusing) guard(call string, do func() error) error {
	if err := r.refuse(call); err != nil {
		return err
	}
	return do()
}

func (r *refusing) system() system {
	r.calls = map[string]int{}
	k := kernel()
	return system{
		socket: func(family int) (fd int, err error) {
			err = r.guard("socket", func() error { fd, err = k.socket(family); return err })
			if err == nil {
				r.open++
			}
			return fd, err
		},
		set: func(fd, level, word, value int) error {
			return r.guard("set", func() error { return k.set(fd, level, word, value) })
		},
		bind: func(fd int, to unix.Sockaddr) error {
			return r.guard("bind", func() error { return k.bind(fd, to) })
		},
		listen: func(fd, backlog int) error {
			return r.guard("listen", func() error { return k.listen(fd, backlog) })
		},
		name: func(fd int) (at unix.Sockaddr, err error) {
			err = r.guard("name", func() error { at, err = k.name(fd); return err })
			return at, err
		},
		close: func(fd int) error {
			r.open--
			return k.close(fd)
		},
	}
}

func TestAFailedCallIsReportedInOneLineAndLeavesNoSocketOpen(t *testing.T) {
	for _, c := range []struct {
		call string
		nth  int
		with error
		want string
	}{
		{"bind", 1, unix.EACCES, "listen 127.0.0.1:0: permission denied"},
		{"socket", 1, unix.EMFILE, "listen 127.0.0.1:0: too many open files"},
		{"socket", 3, unix.EMFILE, "listen 127.0.0.1:0: too many open files"},
		{"set", 1, unix.EINVAL, "listen 127.0.0.1:0: set SO_REUSEADDR: invalid argument"},
		{"set", 3, unix.ENOPROTOOPT, "listen 127.0.0.1:0: set SO_REUSEPORT: " + unix.ENOPROTOOPT.Error()},
		{"set", 6, unix.ENOPROTOOPT, "listen 127.0.0.1:0: set SO_REUSEPORT: " + unix.ENOPROTOOPT.Error()},
		{"name", 1, unix.ENOBUFS, "listen 127.0.0.1:0: no buffer space available"},
		{"bind", 2, unix.EADDRINUSE, "listen 127.0.0.1:0: address already in use"},
		{"listen", 3, unix.EADDRINUSE, "listen 127.0.0.1:0: address already in use"},
	} {
		r := refusing{call: c.call, nth: c.nth, with: c.with}
		l, err := r.system().listeners("127.0.0.1", 0, 3)
		if err == nil {
			l.Close()
			t.Errorf("%s %d: no error", c.call, c.nth)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("%s %d: got %q, want %q", c.call, c.nth, err, c.want)
		}
		if r.open != 0 {
			t.Errorf("%s %d: %d sockets left open", c.call, c.nth, r.open)
		}
	}
}

func TestWithoutIPv6NoHostMeansAllIPv4Addresses(t *testing.T) {
	for _, r := range []refusing{
		{call: "socket", nth: 1, with: unix.EAFNOSUPPORT}, // booted with ipv6.disable=1
		{call: "bind", nth: 1, with: unix.EADDRNOTAVAIL},  // net.ipv6.conf.all.disable_ipv6=1
	} {
		l, err := r.system().listeners("", 0, 2)
		if err != nil {
			t.Errorf("%s refused: %v", r.call, err)
			continue
		}
		if l.Addr().Addr() != netip.IPv4Unspecified() {
			t.Errorf("%s refused: listens on %s", r.call, l.Addr())
		}
		l.Close()
		if r.open != 0 {
			t.Errorf("%s refused: %d sockets left open", r.call, r.open)
		}
	}
}

func TestClosingTwiceClosesEachSocketOnce(t *testing.T) {
	var r refusing
	l, err := r.system().listeners("127.0.0.1", 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if r.open != 0 || len(l.FDs()) != 0 {
			t.Errorf("%d sockets open, %d listed", r.open, len(l.FDs()))
		}
	}
}
