package downstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/h1"
	"lb/proxy/loop"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// patience bounds how long a test awaits what must come.
const patience = 10 * time.Second

// stage is the client side of a worker on a loop of its own. The test plays the clients and, as server, the exchanges.
type stage struct {
	t       *testing.T
	loop    *loop.Loop
	clients *downstream.Clients
	config  messages.Config
	heard   chan string                                    // what the server is told
	serve   func(c *downstream.Conn, r *semantics.Request) // nil: begins an exchange
	began   chan *exchange                                 // by the default serve
}

func newStage(t *testing.T, change func(*messages.Config)) *stage {
	t.Helper()
	s := &stage{
		t: t, config: messages.DefaultConfig(), heard: make(chan string, 1024), began: make(chan *exchange, 64),
	}
	if change != nil {
		change(&s.config)
	}
	var err error
	if s.loop, err = loop.New(loop.Options{Panicked: s.panicked}); err != nil {
		t.Fatal(err)
	}
	s.clients = &downstream.Clients{Net: &transport.Network{Loop: s.loop}, Server: s, Config: &s.config}
	ended := make(chan error, 1)
	go func() { ended <- s.loop.Run() }()
	t.Cleanup(func() {
		s.loop.Schedule(func() { s.clients.Abort(messages.ProxyInternalError) })
		s.loop.Stop()
		if err := await(t, ended); err != nil {
			t.Error(err)
		}
	})
	return s
}

// panicked does what the worker does.
func (s *stage) panicked(whose, _ any, _ []byte) {
	s.clients.Reset()
	if c, ok := whose.(interface{ Crashed() }); ok {
		c.Crashed()
	}
	s.clients.Crashed()
}

// on runs fn on the loop's thread and waits for its end.
func (s *stage) on(fn func()) {
	s.t.Helper()
	done := make(chan struct{})
	s.loop.Schedule(func() {
		defer close(done)
		fn()
	})
	await(s.t, done)
}

// open waits until so many connections are.
func (s *stage) open(want int) {
	s.t.Helper()
	got := -1
	for deadline := time.Now().Add(patience); got != want; runtime.Gosched() {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d connections are open, want %d", got, want)
		}
		s.on(func() { got = s.clients.Open() })
	}
}

func await[T any](t *testing.T, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
	return value
}

// expect awaits what the server is told next.
func (s *stage) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if got := await(s.t, s.heard); got != w {
			s.t.Fatalf("heard %q, want %q", got, w)
		}
	}
}

func (s *stage) note(format string, a ...any) { s.heard <- fmt.Sprintf(format, a...) }

// Serve implements downstream.Server.
func (s *stage) Serve(c *downstream.Conn, r *semantics.Request, _ []byte) {
	s.note("%s %s", r.Method, r.Path)
	if s.serve != nil {
		s.serve(c, r)
		return
	}
	x := &exchange{stage: s, conn: c}
	c.Begin(x)
	s.began <- x
}

// Refuse implements downstream.Server.
func (s *stage) Refuse(c *downstream.Conn, err *h1.Error) {
	s.note("refuse %d", err.Status)
	answer(c, err.Status)
}

// Late implements downstream.Server.
func (s *stage) Late(c *downstream.Conn) {
	s.note("late %d", c.Peer.Port())
	answer(c, 408)
}

// Left implements downstream.Server.
func (s *stage) Left(*downstream.Conn) {}

// answer writes a whole response without a body.
func answer(c *downstream.Conn, status int) {
	c.LastIfUnread()
	c.Respond(&semantics.Response{Status: status, Reason: []byte("x"), Length: 0, Fields: []semantics.Field{length("0")}})
	c.End(nil)
	c.FlushLast()
	c.Done()
}

func length(value string) semantics.Field {
	return semantics.Field{Name: []byte("Content-Length"), Value: []byte(value), Kind: semantics.ContentLength}
}

// exchange is one that notes what it hears.
type exchange struct {
	stage  *stage
	conn   *downstream.Conn
	pauses bool // at each push
}

func (x *exchange) Data(b []byte)           { x.stage.note("data %s", b) }
func (x *exchange) End(t []semantics.Field) { x.stage.note("end %d", len(t)) }
func (x *exchange) Malformed(err *h1.Error) {
	x.stage.note("malformed %d", err.Status)
	answer(x.conn, err.Status)
}
func (x *exchange) Writable()                 { x.stage.note("writable") }
func (x *exchange) Aborted(r messages.Reason) { x.stage.note("aborted %v", r) }
func (x *exchange) Crashed()                  { x.stage.note("crashed") }
func (x *exchange) Pushed() {
	if x.pauses {
		x.conn.Pause()
	}
}

// client is the client's end of a connection.
type client struct {
	t    *testing.T
	conn *net.TCPConn
}

// connect makes a connection that the stage serves.
func (s *stage) connect() client {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	far, err := l.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	fd := take(s.t, far.(*net.TCPConn))
	peer := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	s.on(func() { err = s.clients.Adopt(fd, netip.AddrPortFrom(peer.Addr(), peer.Port())) })
	if err != nil {
		s.t.Fatal(err)
	}
	return client{s.t, conn.(*net.TCPConn)}
}

// take returns a descriptor of a connection that nobody else has.
func take(t *testing.T, c *net.TCPConn) (fd int) {
	t.Helper()
	file, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	fd, err = syscall.Dup(int(file.Fd()))
	err = errors.Join(err, syscall.SetNonblock(fd, true), file.Close(), c.Close())
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func (c client) port() uint16 { return c.conn.LocalAddr().(*net.TCPAddr).AddrPort().Port() }

func (c client) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// expect reads exactly that.
func (c client) expect(want string) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c.conn, got); err != nil || string(got) != want {
		c.t.Fatalf("got %q, %v, want %q", got[:n], err, want)
	}
}

// ended reads the end, and nothing before it.
func (c client) ended() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(c.conn); len(b) > 0 || err != nil {
		c.t.Fatalf("got %q, %v, want the end", b, err)
	}
}

// reset reads a reset, behind whatever came before it.
func (c client) reset() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c.conn); !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("got %v, want a reset", err)
	}
}

const (
	get   = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	plain = "HTTP/1.1 200 x\r\nContent-Length: 0\r\n\r\n"
)

func closing(status int) string {
	return fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status)
}

var more = bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
