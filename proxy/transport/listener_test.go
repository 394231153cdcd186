package transport

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// gate accepts, and wants more as long as it is open.
type gate struct {
	accepted chan int
	starved  chan error
	open     bool
}

func newGate() *gate {
	return &gate{accepted: make(chan int, 64), starved: make(chan error, 64), open: true}
}

func (g *gate) Accepted(fd int, _ netip.AddrPort) (more bool) {
	closeSocket(fd)
	g.accepted <- fd
	return g.open
}

func (g *gate) Starved(err error) { g.starved <- err }

// listen has a gate accept from a socket of 127.0.0.1, and returns how to connect to it.
func (s *site) listen(g *gate) (l *Listener, connect func()) {
	s.t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	file, err := socket.(*net.TCPListener).File()
	if err != nil {
		s.t.Fatal(err)
	}
	fd := int(file.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		s.t.Fatal(err)
	}
	s.on(func() { l, err = s.Listen(fd, g) })
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.on(l.Close)
		_, _ = file.Close(), socket.Close()
	})
	return l, func() {
		s.t.Helper()
		c, err := net.Dial("tcp", socket.Addr().String())
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = c.Close() })
	}
}

func TestListenerPausesAndResumes(t *testing.T) {
	s := newSite(t)
	g := newGate()
	g.open = false
	l, connect := s.listen(g)
	connect()
	await(t, g.accepted)
	connect()
	s.on(func() { l.Ready(0) }) // a turn is of no use to one that is paused
	if len(g.accepted) > 0 {
		t.Fatal("accepted during a pause")
	}
	s.on(func() { g.open = true })
	s.on(l.Resume) // nothing new has come since
	await(t, g.accepted)
	connect()
	await(t, g.accepted)
}

func TestListenerEmptiesItsQueueWhateverTheAcceptorSays(t *testing.T) {
	s := newSite(t)
	g := newGate()
	g.open = false
	l, connect := s.listen(g)
	for range 5 {
		connect()
	}
	await(t, g.accepted)
	s.on(l.Empty)
	if len(g.accepted) != 4 {
		t.Errorf("%d accepted of the 4 that waited", len(g.accepted))
	}
	s.on(l.Close)
	connect()
	s.on(func() { l.Resume(); l.Ready(0) })
	if len(g.accepted) != 4 {
		t.Error("accepted after Close")
	}
}

// rush has another client connect whenever one is accepted.
type rush struct {
	*gate
	connect func()
	left    int
}

func (f *rush) Accepted(fd int, peer netip.AddrPort) (more bool) {
	if f.left--; f.left > 0 {
		f.connect()
	}
	return f.gate.Accepted(fd, peer)
}

// Who connects while the queue is emptied was not in it.
func TestListenerEmptiesNoMoreThanItsQueue(t *testing.T) {
	s := newSite(t)
	g := newGate()
	g.open = false
	l, connect := s.listen(g)
	for range 5 {
		connect()
	}
	await(t, g.accepted)
	s.on(func() {
		l.acceptor = &rush{g, connect, 40}
		l.Empty()
	})
	if n := len(g.accepted); n != 4 {
		t.Errorf("%d accepted, want the 4 that waited", n)
	}
}

func TestListenerWithoutDescriptorsPauses(t *testing.T) {
	s := newSite(t)
	g := newGate()
	g.open = false
	l, connect := s.listen(g)
	connect()
	await(t, g.accepted)
	connect()
	s.on(func() {
		g.open = true
		withoutDescriptors(t, func() {
			l.Resume()
			l.Ready(0)
			l.Ready(0)
		})
	})
	if err := await(t, g.starved); !errors.Is(err, unix.EMFILE) || len(g.starved) > 0 || len(g.accepted) > 0 {
		t.Errorf("starved by %v, %d times more; %d accepted", err, len(g.starved), len(g.accepted))
	}
	s.on(l.Resume)
	await(t, g.accepted)
}

// withoutDescriptors runs fn while the process can open none.
func withoutDescriptors(t *testing.T, fn func()) {
	t.Helper()
	next, err := unix.Dup(0) // the lowest that is free
	_ = unix.Close(next)
	var limit unix.Rlimit
	err = errors.Join(err, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	none := unix.Rlimit{Cur: uint64(next), Max: limit.Max}
	err = errors.Join(err, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }()
	if err != nil {
		t.Error(err)
	}
	fn()
}

// A socket that does not listen, any more or at all, fails each time: to try again at once would be to spin.
func TestListenerOnAFailingSocketPauses(t *testing.T) {
	s := newSite(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = unix.SetNonblock(fds[0], true)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) }()
	g := newGate()
	var l *Listener
	s.on(func() { l, err = s.Listen(fds[0], g) })
	if err != nil {
		t.Fatal(err)
	}
	await(t, g.starved)
	s.on(func() { l.Ready(0); l.Empty() })
	if len(g.starved) > 0 || len(g.accepted) > 0 {
		t.Errorf("tried again %d times, accepted %d times", len(g.starved), len(g.accepted))
	}
	s.on(l.Close)
}
