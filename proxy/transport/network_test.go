package transport

import (
	"bytes"
	"net/netip"
	"sync"
	"testing"
	"time"

	"lb/proxy/loop"
)

// patience bounds how long a test awaits what must come.
const patience = 30 * time.Second

// site is a network whose loop runs until the end of the test.
type site struct {
	*Network
	t          testing.TB
	goroutines sync.WaitGroup // of handshakes
}

func newSite(t testing.TB) *site {
	t.Helper()
	l, err := loop.New(loop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Network: &Network{Loop: l}, t: t}
	s.Go = func(_ string, run func()) { s.goroutines.Go(run) }
	ended := make(chan error, 1)
	go func() { ended <- l.Run() }()
	t.Cleanup(func() {
		s.handshakesEnd()
		l.Stop()
		if err := await(t, ended); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

// handshakesEnd waits until no handshake runs.
func (s *site) handshakesEnd() {
	s.t.Helper()
	none := make(chan struct{})
	go func() {
		s.goroutines.Wait()
		close(none)
	}()
	await(s.t, none)
}

// on runs fn on the loop's thread and waits for its end.
func (s *site) on(fn func()) {
	s.t.Helper()
	done := make(chan struct{})
	s.Loop.Schedule(func() {
		fn()
		close(done)
	})
	await(s.t, done)
}

func await[T any](t testing.TB, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
	return value
}

// reader is a user that reads all that comes.
type reader struct {
	conn      *Conn
	idle      bool // reads nothing
	connected chan struct{}
	broken    chan error
	flushed   chan struct{}
	ended     chan error
	readable  chan struct{}

	mu  sync.Mutex
	got bytes.Buffer
}

func newReader() *reader {
	return &reader{
		connected: make(chan struct{}, 1), broken: make(chan error, 1), flushed: make(chan struct{}, 64),
		ended: make(chan error, 1), readable: make(chan struct{}, 1024),
	}
}

func (r *reader) Connected() { r.connected <- struct{}{} }
func (r *reader) Flushed()   { r.flushed <- struct{}{} }
func (r *reader) Late()      {}
func (r *reader) Crashed()   {}

// Broken notes what it is told first. Other than a user outside tests, the reader does not close its connection then, and
// is told again what comes of that.
func (r *reader) Broken(err error) {
	select {
	case r.broken <- err:
	default:
	}
}

func (r *reader) Readable() {
	for !r.idle && r.conn.CanRead() {
		b := r.conn.net.HeadBuffer()
		n, err := r.conn.Read(b)
		r.mu.Lock()
		r.got.Write(b[:n])
		r.mu.Unlock()
		if err == ErrNotNow {
			break
		}
		if err != nil {
			r.idle = true
			r.ended <- err
		}
	}
	select {
	case r.readable <- struct{}{}:
	default:
	}
}

// text is what was read so far.
func (r *reader) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.String()
}

// expect waits until exactly that was read.
func (r *reader) expect(t testing.TB, want string) {
	t.Helper()
	for len(r.text()) < len(want) {
		await(t, r.readable)
	}
	if got := r.text(); got != want {
		t.Fatalf("read %d bytes %.40q, want %d bytes %.40q", len(got), got, len(want), want)
	}
}

// send sends text on the reader's connection.
func (s *site) send(r *reader, text string) (err error) {
	s.t.Helper()
	s.on(func() {
		g := Gather{}
		g.Add([]byte(text))
		err = r.conn.Send(&g)
	})
	return err
}

func (s *site) close(r *reader) { s.on(func() { r.conn.Close() }) }

func addressOf(t testing.TB, text string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
