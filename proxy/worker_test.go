package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"lb/messages"
)

// patience bounds how long a test awaits what must come.
const patience = 10 * time.Second

// stage is a worker on a loop of its own, between clients and a backend that the test plays.
type stage struct {
	t      *testing.T
	loop   *Loop
	worker *Worker
	config messages.Config
	front  *net.TCPListener
	back   net.Listener
}

func newStage(t *testing.T, o Options, change func(*messages.Config)) *stage {
	t.Helper()
	s := &stage{t: t, config: messages.DefaultConfig()}
	if change != nil {
		change(&s.config)
	}
	s.back = listen(t)
	s.front = listen(t).(*net.TCPListener)
	file, err := s.front.File()
	if err != nil {
		t.Fatal(err)
	}
	fd := int(file.Fd()) // which makes it block
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	s.loop, err = NewLoop(func(whose, value any, stack []byte) { s.worker.Panicked(whose, value, stack) })
	if err != nil {
		t.Fatal(err)
	}
	s.worker = NewWorker(s.loop, o)
	s.apply()
	if err := s.worker.Listen(fd); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.loop.Run() }()
	t.Cleanup(func() {
		s.loop.Schedule(s.worker.Close)
		s.loop.Stop()
		if err := await(t, ended); err != nil {
			t.Error(err)
		}
		_ = file.Close()
	})
	return s
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// apply has the worker route by the present configuration.
func (s *stage) apply() {
	c := s.config
	address := s.back.Addr().(*net.TCPAddr).AddrPort()
	c.Backends = []messages.Backend{{Host: "127.0.0.1", Port: address.Port(), Weight: 1}}
	s.worker.Apply(&messages.Snapshot{Config: c, Members: []messages.Member{
		{Backend: c.Backends[0], Addresses: []netip.AddrPort{address}},
	}})
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

// rests waits until nothing runs and so many clients are connected, by every count.
func (s *stage) rests(clients int) {
	s.t.Helper()
	var now messages.Stats
	atRest := func() bool {
		ok := now.InFlight == 0 && now.Active == int64(clients) && now.Backends != nil
		for _, b := range now.Backends {
			ok = ok && b.InFlight == 0 && b.Pool.Open == b.Pool.Idle
		}
		return ok
	}
	for deadline := time.Now().Add(patience); !atRest(); runtime.Gosched() {
		if time.Now().After(deadline) {
			for _, b := range now.Backends {
				s.t.Errorf("%d attempts run on %d connections, %d of them idle", b.InFlight, b.Pool.Open, b.Pool.Idle)
			}
			s.t.Fatalf("%d exchanges run, %d clients are connected", now.InFlight, now.Active)
		}
		s.on(func() { now = s.worker.Stats() })
	}
	s.on(func() {
		if q := s.worker.queue.length; q != 0 || s.worker.queue.first != nil {
			s.t.Errorf("%d exchanges wait", q)
		}
		for _, b := range s.worker.backends {
			if n := b.member.InFlight(); n != 0 {
				s.t.Errorf("the balancer counts %d", n)
			}
		}
	})
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

// end is one end of a connection.
type end struct {
	*net.TCPConn
	t  *testing.T
	in *bufio.Reader
}

func (s *stage) connect() end {
	s.t.Helper()
	c, err := net.Dial("tcp", s.front.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.end(c)
}

// accept is the backend's end of the next connection to it.
func (s *stage) accept() end {
	s.t.Helper()
	_ = s.back.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := s.back.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	return s.end(c)
}

func (s *stage) end(c net.Conn) end {
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return end{c.(*net.TCPConn), s.t, bufio.NewReader(c)}
}

func (e end) say(text string) {
	e.t.Helper()
	if _, err := io.WriteString(e, text); err != nil {
		e.t.Fatal(err)
	}
}

// head reads a head and returns its first line.
func (e end) head() (line string) {
	e.t.Helper()
	for {
		text, err := e.in.ReadString('\n')
		if err != nil {
			e.t.Fatalf("after %q: %v", line, err)
		}
		if line == "" {
			line = strings.TrimSpace(text)
		}
		if text == "\r\n" {
			return line
		}
	}
}

func (e end) expect(want string) {
	e.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(e.in, got); err != nil || string(got) != want {
		e.t.Fatalf("got %q, %v, want %q", got[:n], err, want)
	}
}

// ended reads to the end, and reports whether it was a reset.
func (e end) ended() (reset bool) {
	e.t.Helper()
	_, err := io.Copy(io.Discard, e.in)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		e.t.Fatal(err)
	}
	return err != nil
}

func (e end) reset() {
	_ = e.SetLinger(0)
	_ = e.Close()
}

const (
	get      = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	upload   = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12"
	upgrade  = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
	answered = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	cut      = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"
	switches = "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
)

// However an exchange ends, nothing of it is left.
func TestNothingIsLeftOfAnExchange(t *testing.T) {
	brief := func(c *messages.Config) { c.Timeouts.Body = 50 * time.Millisecond }
	for name, c := range map[string]struct {
		change  func(*messages.Config)
		say     string
		act     func(s *stage, c, b end)
		clients int // connected after it
	}{
		"answered": {nil, get, func(_ *stage, c, b end) {
			b.say(answered)
			c.head()
			c.expect("ok")
		}, 1},
		"answered before its end": {nil, upload, func(_ *stage, c, b end) {
			b.say(answered)
			c.head()
			c.ended()
		}, 0},
		"client resets in its request": {nil, upload, func(_ *stage, c, b end) {
			c.reset()
			b.ended()
		}, 0},
		"client ends in its request": {nil, upload, func(_ *stage, c, b end) {
			_ = c.CloseWrite()
			b.ended()
			c.ended()
		}, 0},
		"client is silent in its request": {brief, upload, func(_ *stage, c, b end) {
			if line := c.head(); !strings.Contains(line, " 408 ") {
				t.Error(line)
			}
			b.ended()
		}, 0},
		"client resets while it waits": {nil, get, func(_ *stage, c, b end) { c.reset(); b.ended() }, 0},
		"client resets in its answer": {nil, get, func(_ *stage, c, b end) {
			b.say(cut)
			c.head()
			c.reset()
			b.ended()
		}, 0},
		"backend ends in its answer": {nil, get, func(_ *stage, c, b end) {
			b.say(cut)
			_ = b.Close()
			if c.head(); !c.ended() {
				t.Error("a response that was cut short ends like a whole one")
			}
		}, 0},
		"backend is silent in its answer": {brief, get, func(_ *stage, c, b end) {
			b.say(cut)
			if c.head(); !c.ended() {
				t.Error("a response that was cut short ends like a whole one")
			}
		}, 0},
		"backend says no HTTP": {nil, get, func(_ *stage, c, b end) {
			b.say("?\r\n")
			if line := c.head(); !strings.Contains(line, " 502 ") {
				t.Error(line)
			}
		}, 1},
		"a switch that nobody asked for": {nil, get, func(_ *stage, c, b end) {
			b.say(switches)
			if line := c.head(); !strings.Contains(line, " 502 ") {
				t.Error(line)
			}
		}, 1},
		"tunnel, the client ends first": {nil, upgrade, func(_ *stage, c, b end) {
			b.say(switches + "hello")
			c.head()
			c.say("more")
			_ = c.CloseWrite()
			b.expect("more")
			b.ended()
			b.say("last")
			_ = b.CloseWrite()
			c.expect("hellolast")
			c.ended()
		}, 0},
		"tunnel, the backend ends first": {nil, upgrade, func(_ *stage, c, b end) {
			b.say(switches)
			_ = b.CloseWrite()
			c.head()
			c.ended()
			c.say("last")
			_ = c.CloseWrite()
			b.expect("last")
			b.ended()
		}, 0},
		"tunnel, the client resets": {nil, upgrade, func(_ *stage, c, b end) {
			b.say(switches)
			c.head()
			c.reset()
			b.ended()
		}, 0},
		"tunnel, the backend resets": {nil, upgrade, func(_ *stage, c, b end) {
			b.say(switches)
			c.head()
			b.reset()
			c.ended()
		}, 0},
		"worker closes": {nil, get, func(s *stage, c, b end) {
			s.on(s.worker.Close)
			c.ended()
			b.ended()
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, Options{}, c.change)
			client := s.connect()
			client.say(c.say)
			b := s.accept()
			b.head()
			c.act(s, client, b)
			if c.clients == 0 {
				_ = client.Close()
			}
			s.rests(c.clients)
		})
	}
}

// A second order to drain hastens the first, and forgets nobody who waits for the end.
func TestDrainTwiceTellsBoth(t *testing.T) {
	for _, order := range [][]time.Duration{{time.Hour, 0}, {0, time.Hour}} {
		s := newStage(t, Options{}, nil)
		e := s.connect()
		e.say(get)
		s.accept().head()
		done := make(chan int, 2)
		s.on(func() {
			for _, within := range order {
				s.worker.Drain(within, func(cut int) { done <- cut })
			}
		})
		for range order {
			if cut := await(t, done); cut != 1 {
				t.Errorf("drained within %v: %d cut off, want 1", order, cut)
			}
		}
		s.rests(0)
	}
}

// Whoever has the turn: the connection whose code it was ends, and no other.
func TestPanicLeavesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		options func(fail *bool) Options
		say     string
	}{
		"at the end of an exchange": {func(fail *bool) Options {
			return Options{Access: func(*Access) { failIf(fail) }}
		}, get},
		"in the next request on the same connection": {func(fail *bool) Options {
			return Options{Random: func() uint64 { failIf(fail); return 0 }}
		}, get + get},
	} {
		t.Run(name, func(t *testing.T) {
			fail := false
			s := newStage(t, c.options(&fail), func(c *messages.Config) {
				c.AccessLog, c.Strategy = messages.AccessOn, messages.Random
			})
			other := s.connect()
			other.say(get)
			otherBack := s.accept()
			otherBack.head()
			client := s.connect()
			client.say(c.say)
			b := s.accept()
			b.head()
			s.on(func() { fail = true })
			b.say(answered)
			client.ended()
			s.on(func() {
				if s.worker.Stats().Faults != 1 {
					t.Errorf("%d panics counted", s.worker.Stats().Faults)
				}
				fail = false
			})
			otherBack.say(answered)
			other.head()
			other.expect("ok")
			s.rests(1)
		})
	}
}

// A local answer is made on a turn that no connection asked for. Its client is closed all the same.
func TestPanicInALocalAnswerEndsItsClient(t *testing.T) {
	fail := false
	s := newStage(t, Options{
		Local:  func(_ string, reply func(int, string, []byte)) { go reply(200, "text/plain", []byte("local")) },
		Access: func(*Access) { failIf(&fail) },
	}, func(c *messages.Config) { c.AccessLog = messages.AccessOn })
	const ask = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
	client := s.connect()
	client.say(ask)
	client.head()
	client.expect("local")
	s.on(func() { fail = true })
	client.say(ask)
	client.ended()
	s.on(func() {
		if n := s.worker.Stats().Faults; n != 1 {
			t.Errorf("%d panics counted", n)
		}
	})
	s.rests(0)
}

func failIf(fail *bool) {
	if *fail {
		panic("it was to fail")
	}
}

func TestRaisedLimitOfConnectionsIsFollowed(t *testing.T) {
	s := newStage(t, Options{}, func(c *messages.Config) { c.Limits.Connections = 1 })
	first := s.connect()
	first.say(get)
	b := s.accept()
	b.head()
	second := s.connect()
	second.say("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
	s.on(func() {
		if n := s.worker.Stats().Active; n != 1 {
			t.Errorf("%d clients are connected, over the limit", n)
		}
		s.config.Limits.Connections = 2
		s.apply()
	})
	if line := second.head(); line != "HTTP/1.1 200 OK" {
		t.Error(line)
	}
}

func TestRequestsThatEndHere(t *testing.T) {
	s := newStage(t, Options{}, nil)
	for _, c := range []struct {
		request, want string
		closes        bool
	}{
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", "HTTP/1.1 200 OK", false},
		{"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", "HTTP/1.1 405 Method Not Allowed", false},
		{"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "HTTP/1.1 501 Not Implemented", true},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", true},
	} {
		e := s.connect()
		e.say(c.request)
		if line := e.head(); line != c.want {
			t.Errorf("%q: %s, want %s", c.request, line, c.want)
		}
		if c.closes {
			_ = e.CloseWrite()
			e.ended()
		}
	}
	s.rests(2)
}

func TestDrainWaitsForWhatRuns(t *testing.T) {
	for _, within := range []time.Duration{time.Hour, 0} {
		s := newStage(t, Options{}, nil)
		e := s.connect()
		e.say(get)
		b := s.accept()
		b.head()
		done := make(chan int, 2)
		s.on(func() { s.worker.Drain(within, func(cut int) { done <- cut }) })
		want := 1
		if within > 0 {
			want = 0
			b.say(answered)
			e.head()
			e.expect("ok")
		}
		e.ended()
		_ = e.Close()
		if cut := await(t, done); cut != want {
			t.Errorf("within %v: %d cut off, want %d", within, cut, want)
		}
		s.rests(0)
	}
}
