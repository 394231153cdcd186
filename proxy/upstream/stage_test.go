package upstream_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"lb/messages"
	"lb/proxy/loop"
	"lb/proxy/semantics"
	"lb/proxy/transport"
	"lb/proxy/upstream"
)

// patience bounds how long a test awaits what must come.
const patience = 10 * time.Second

// stage is a pool on a loop of its own, and a backend that the test plays.
type stage struct {
	t        *testing.T
	loop     *loop.Loop
	pool     *upstream.Pool
	config   messages.Config
	backend  *upstream.Backend
	listener net.Listener
}

func newStage(t *testing.T, change func(*messages.Config)) *stage {
	t.Helper()
	s := &stage{t: t, config: messages.DefaultConfig()}
	if change != nil {
		change(&s.config)
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if s.loop, err = loop.New(loop.Options{Panicked: s.panicked}); err != nil {
		t.Fatal(err)
	}
	s.pool = &upstream.Pool{Net: &transport.Network{Loop: s.loop}, Config: &s.config}
	s.serve(s.address())
	ended := make(chan error, 1)
	go func() { ended <- s.loop.Run() }()
	t.Cleanup(func() {
		_ = s.listener.Close()
		s.loop.Schedule(s.pool.Close)
		s.loop.Stop()
		if err := await(t, ended); err != nil {
			t.Error(err)
		}
	})
	return s
}

// panicked does what the worker does.
func (s *stage) panicked(whose, _ any, _ []byte) {
	s.pool.Reset()
	if c, ok := whose.(interface{ Crashed() }); ok {
		c.Crashed()
	}
	s.pool.Crashed()
}

func (s *stage) address() netip.AddrPort { return s.listener.Addr().(*net.TCPAddr).AddrPort() }

// serve gives the backend its addresses.
func (s *stage) serve(addresses ...netip.AddrPort) {
	s.backend = s.pool.Backend(messages.Member{
		Backend: messages.Backend{Host: "backend", Port: 80, Weight: 1}, Addresses: addresses,
	})
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

// until waits for numbers of open and idle connections.
func (s *stage) until(open, idle int64) {
	s.t.Helper()
	now := messages.PoolStats{Open: -1}
	for deadline := time.Now().Add(patience); now.Open != open || now.Idle != idle; runtime.Gosched() {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d open, %d idle connections, want %d and %d", now.Open, now.Idle, open, idle)
		}
		s.on(func() {
			if now = s.backend.Stats(); now.Idle != int64(s.backend.Idle()) {
				s.t.Errorf("%d idle connections counted, %d are there", now.Idle, s.backend.Idle())
			}
		})
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

// exchange is one that notes what it hears.
type exchange struct {
	stage   *stage
	attempt upstream.Attempt
	heard   chan string
	deaf    bool // it stops the response at its head
	faulty  bool // it panics at its end
}

// begin has an exchange acquire a connection.
func (s *stage) begin() *exchange { return s.beginWith(upstream.Want{}) }

func (s *stage) beginWith(w upstream.Want) *exchange {
	s.t.Helper()
	x := &exchange{stage: s, heard: make(chan string, 1024)}
	s.on(func() { x.attempt = s.backend.Acquire(x, w) })
	return x
}

func (x *exchange) Connected(a upstream.Attempt) { x.attempt = a; x.note("connected") }

func (x *exchange) Response(r *semantics.Response) {
	x.note("response %d", r.Status)
	switch {
	case r.Status == 101:
		x.attempt.(*upstream.Conn).Tunnel()
	case x.deaf:
		x.attempt.Pause()
	}
}
func (x *exchange) Data(b []byte) { x.note("data %s", b) }
func (x *exchange) Pushed()       {}
func (x *exchange) Writable()     { x.note("writable") }
func (x *exchange) Crashed()      { x.note("crashed") }

func (x *exchange) End([]semantics.Field) {
	if x.faulty {
		panic("an exchange was to fail")
	}
	x.note("end")
}

func (x *exchange) Failed(f upstream.Failure) {
	if x.faulty {
		panic("an exchange was to fail")
	}
	x.note("failed %v%s%s%s", f.Reason, word(f.Sent, "sent"), word(f.Answered, "answered"), word(f.Reused, "reused"))
}

func word(b bool, s string) string {
	if b {
		return " " + s
	}
	return ""
}

func (x *exchange) note(format string, a ...any) { x.heard <- fmt.Sprintf(format, a...) }

// expect awaits what the exchange is to hear next.
func (x *exchange) expect(want ...string) {
	x.stage.t.Helper()
	for _, w := range want {
		if got := await(x.stage.t, x.heard); got != w {
			x.stage.t.Fatalf("heard %q, want %q", got, w)
		}
	}
}

// send writes a whole request.
func (x *exchange) send(method string) {
	x.stage.on(func() {
		x.attempt.Request(&semantics.Request{Method: []byte(method)}, []byte("/"))
		x.attempt.EndRequest(nil)
		x.attempt.Flush()
	})
}

// sendHead writes the head of a request with a body of so many bytes.
func (x *exchange) sendHead(method string, length int) {
	x.stage.on(func() {
		r := semantics.Request{Method: []byte(method), Length: int64(length)}
		x.attempt.Request(&r, []byte("/"))
		x.attempt.Flush()
	})
}

// peer is the backend's end of a connection.
type peer struct {
	t    *testing.T
	conn *net.TCPConn
}

func (s *stage) accept() peer {
	s.t.Helper()
	_ = s.listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := s.listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return peer{s.t, c.(*net.TCPConn)}
}

// request reads a request without a body.
func (p peer) request() {
	p.t.Helper()
	var got []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(got), "\r\n\r\n"); got = append(got, one...) {
		if _, err := p.conn.Read(one); err != nil {
			p.t.Fatalf("after %q: %v", got, err)
		}
	}
}

func (p peer) say(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) ended() {
	p.t.Helper()
	if n, err := p.conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		p.t.Fatalf("read %d bytes, %v, want the end", n, err)
	}
}

func (p peer) reset() {
	_ = p.conn.SetLinger(0)
	_ = p.conn.Close()
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// finish makes a whole exchange and returns the backend's end of its connection, which is idle then.
func (s *stage) finish() (*exchange, peer) {
	s.t.Helper()
	x := s.begin()
	x.expect("connected")
	p := s.accept()
	x.send("GET")
	p.request()
	p.say(ok)
	x.expect("response 200", "data ok", "end")
	return x, p
}
