package upstream_test

import (
	"bytes"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"lb/messages"
	"lb/proxy/semantics"
	"lb/proxy/upstream"
)

// What an attempt says when it fails decides whether another one is allowed.
func TestFailureTellsWhatHadHappened(t *testing.T) {
	late := func(c *messages.Config) { c.Timeouts.Response = time.Millisecond }
	slow := func(c *messages.Config) { c.Timeouts.Body = time.Millisecond }
	for name, c := range map[string]struct {
		change func(*messages.Config)
		act    func(p peer)
		want   []string
	}{
		"end before a response": {nil, func(p peer) { p.request(); _ = p.conn.CloseWrite() }, []string{
			"failed connection_terminated sent",
		}},
		"reset before a response": {nil, func(p peer) { p.request(); p.reset() }, []string{
			"failed connection_terminated sent",
		}},
		"silence": {late, func(p peer) { p.request() }, []string{"failed http_response_timeout sent"}},
		"a part of a head": {nil, func(p peer) { p.request(); p.say("HTTP/1.1 2"); _ = p.conn.CloseWrite() }, []string{
			"failed http_response_incomplete sent answered",
		}},
		"an interim response only": {nil, func(p peer) {
			p.request()
			p.say("HTTP/1.1 103 Early Hints\r\n\r\n")
			_ = p.conn.CloseWrite()
		}, []string{"response 103", "failed http_response_incomplete sent answered"}},
		"no HTTP": {nil, func(p peer) { p.request(); p.say("SSH-2.0-x\r\n") }, []string{
			"failed http_protocol_error sent answered",
		}},
		"a part of a body": {nil, func(p peer) {
			p.request()
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
			_ = p.conn.CloseWrite()
		}, []string{"response 200", "data part", "failed http_response_incomplete sent answered"}},
		"chunks without the last": {nil, func(p peer) {
			p.request()
			p.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
			_ = p.conn.CloseWrite()
		}, []string{"response 200", "data part", "failed http_response_incomplete sent answered"}},
		"silence in a body": {slow, func(p peer) {
			p.request()
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
		}, []string{"response 200", "data part", "failed connection_read_timeout sent answered"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			if c.change != nil {
				s.on(func() { c.change(&s.config) })
			}
			x := s.begin()
			x.expect("connected")
			p := s.accept()
			x.send("GET")
			c.act(p)
			x.expect(c.want...)
			s.until(0, 0)
		})
	}
}

// The beginning of a head is a sign of life, and no answer. It is there before the request, so that it is not late itself.
func TestSilenceInAHead(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Response = time.Millisecond })
	x := s.begin()
	x.expect("connected")
	p := s.accept()
	p.say("HTTP/1.1 200 OK\r\n")
	for deadline, heard := time.Now().Add(patience), false; !heard; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the beginning of a head was not read")
		}
		s.on(func() { heard = s.backend.Stats().Received > 0 })
	}
	x.send("GET")
	x.expect("failed http_response_timeout sent answered")
	s.until(0, 0)
}

// A body that ends with its connection is whole at an end, and only there.
func TestBodyUntilClose(t *testing.T) {
	for _, reset := range []bool{false, true} {
		s := newStage(t, nil)
		x := s.begin()
		x.expect("connected")
		p := s.accept()
		x.send("GET")
		p.request()
		p.say("HTTP/1.1 200 OK\r\n\r\nall")
		x.expect("response 200", "data all")
		if reset {
			p.reset()
			x.expect("failed http_response_incomplete sent answered")
		} else {
			_ = p.conn.CloseWrite()
			x.expect("end")
		}
		s.until(0, 0)
	}
}

// The reset is known when the request is sent: not a byte of it got there.
func TestNothingIsSentOnADeadConnection(t *testing.T) {
	s := newStage(t, nil)
	x := s.begin()
	x.expect("connected")
	p := s.accept()
	s.on(func() { // so that the loop does not see the reset first
		p.reset()
		x.attempt.Request(&semantics.Request{Method: []byte("POST")}, []byte("/"))
		x.attempt.EndRequest(nil)
		if x.attempt.Refusable() {
			t.Error("may be refused before it was sent")
		}
		x.attempt.Flush()
		if !x.attempt.Refusable() {
			t.Error("what is sent in vain must not be sent again")
		}
	})
	x.expect("failed connection_terminated")
	s.until(0, 0)
}

func TestReusedConnectionSaysSo(t *testing.T) {
	s := newStage(t, nil)
	_, p := s.finish()
	s.until(1, 1)
	x := s.begin()
	x.send("GET")
	p.request()
	p.reset()
	x.expect("failed connection_terminated sent reused")
}

func TestAliveSeesAnEndThatIsOnItsWay(t *testing.T) {
	s := newStage(t, nil)
	_, p := s.finish()
	s.until(1, 1)
	s.on(func() {
		_ = p.conn.CloseWrite()
		x := &exchange{stage: s, heard: make(chan string, 8)}
		a := s.backend.Acquire(x, upstream.Want{})
		if !a.Reused() || a.Alive() {
			t.Errorf("reused %v, alive %v", a.Reused(), a.Alive())
		}
		a.Cancel()
	})
	s.until(0, 0)
}

func TestPausedResponseWaits(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Body = time.Millisecond })
	x := s.begin()
	x.deaf = true
	x.expect("connected")
	p := s.accept()
	x.send("GET")
	p.request()
	p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12")
	x.expect("response 200", "data 12")
	p.say("34")
	_ = p.conn.CloseWrite()
	s.finish() // another one takes its turns meanwhile
	if len(x.heard) > 0 {
		t.Fatalf("a paused response goes on: %q", <-x.heard)
	}
	s.on(x.attempt.Resume)
	x.expect("data 34", "end")
}

func TestWritableComesAfterTheQueue(t *testing.T) {
	s := newStage(t, nil)
	x := s.begin()
	x.expect("connected")
	p := s.accept()
	body := bytes.Repeat([]byte("x"), 16<<20)
	x.sendHead("POST", len(body))
	s.on(func() {
		x.attempt.Data(body)
		x.attempt.EndRequest(nil)
		x.attempt.Flush()
		if x.attempt.Pending() == 0 {
			t.Error("nothing pending")
		}
	})
	p.request()
	if _, err := io.CopyN(io.Discard, p.conn, int64(len(body))); err != nil {
		t.Fatal(err)
	}
	x.expect("writable")
}

// While bytes go on in the other direction, the end of a tunnel is read again and again.
func TestEndOfATunnelIsToldOnce(t *testing.T) {
	s := newStage(t, nil)
	x := s.beginWith(upstream.Want{Tunnel: true})
	x.expect("connected")
	p := s.accept()
	x.send("GET")
	p.request()
	p.say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
	x.expect("response 101")
	_ = p.conn.CloseWrite()
	x.expect("end")
	body := bytes.Repeat([]byte("x"), 16<<20)
	s.on(func() {
		x.attempt.Data(body)
		x.attempt.Flush()
	})
	if _, err := io.CopyN(io.Discard, p.conn, int64(len(body))); err != nil {
		t.Fatal(err)
	}
	x.expect("writable")
	s.on(x.attempt.(*upstream.Conn).Finish)
	p.ended()
	if len(x.heard) > 0 {
		t.Errorf("heard %q besides", <-x.heard)
	}
}

// full returns an address that takes no more connections, and answers none.
func full(t *testing.T) netip.AddrPort {
	t.Helper()
	fd := socket(t)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // more than its queue holds
		_ = syscall.Connect(socket(t), name)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*syscall.SockaddrInet4).Port))
}

// socket opens one that does not block, until the end of the test.
func socket(t *testing.T) (fd int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		t.Cleanup(func() { _ = syscall.Close(fd) })
		err = syscall.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// However many addresses a name has, they share the time to connect. On a busy machine it takes longer, but not as long as
// if each had that time to itself.
func TestTimeToConnectIsThatOfAllAddresses(t *testing.T) {
	const limit, addresses = 400 * time.Millisecond, 10
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Connect = limit })
	a := full(t)
	s.on(func() { s.serve(slices.Repeat([]netip.AddrPort{a}, addresses)...) })
	began := time.Now()
	s.begin().expect("failed connection_timeout")
	if took := time.Since(began); took < limit || took >= limit*addresses {
		t.Errorf("took %v, want about %v", took, limit)
	}
	s.until(0, 0)
}

func TestNextAddressIsTriedAfterARefusal(t *testing.T) {
	s := newStage(t, nil)
	closed := newStage(t, nil)
	_ = closed.listener.Close()
	s.on(func() { s.serve(closed.address(), s.address()) })
	for range 2 { // whichever comes first
		x := s.begin()
		x.expect("connected")
		s.on(x.attempt.Cancel)
	}
	s.on(func() { s.serve(closed.address()) })
	s.begin().expect("failed connection_refused")
	s.until(0, 0)
}

func TestAddressesMayGoWhileOneIsTried(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Connect = 50 * time.Millisecond })
	a := full(t)
	s.on(func() { s.serve(a, a) })
	x := s.begin()
	s.on(func() { s.serve() })
	x.expect("failed dns_error")
	s.until(0, 0)
}

// No connection refers to an exchange whose attempt is over. If the code panics that is told so, the pool knows whom it
// hit.
func TestPanicAtTheEndOfAnAttemptReachesItsExchange(t *testing.T) {
	for name, act := range map[string]func(p peer){
		"end":     func(p peer) { p.request(); p.say(ok) },
		"failure": func(p peer) { p.request(); p.reset() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			x := s.begin()
			x.expect("connected")
			p := s.accept()
			s.on(func() { x.faulty = true })
			x.send("GET")
			act(p)
			for heard := ""; heard != "crashed"; heard = await(t, x.heard) {
			}
			s.until(0, 0)
			s.finish() // and the pool works on
			if len(x.heard) > 0 {
				t.Errorf("heard %q besides", <-x.heard)
			}
		})
	}
}

func TestPanicInATurnReachesItsExchange(t *testing.T) {
	s := newStage(t, nil)
	x := s.begin()
	x.expect("connected")
	s.on(func() { s.panicked(x.attempt, "a turn was to fail", nil) })
	x.expect("crashed")
	s.until(0, 0)
}

// Once a backend has said 100 it is the client who may take its time, whatever the backend's was.
func TestBackendThatSaid100IsNotLate(t *testing.T) {
	const short = 20 * time.Millisecond
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Response, c.Timeouts.Body = short, short })
	x := s.begin()
	x.expect("connected")
	p := s.accept()
	s.on(func() {
		x.attempt.Request(&semantics.Request{Method: []byte("POST"), Length: 2, Expect: true}, []byte("/"))
		x.attempt.Flush()
	})
	p.request()
	p.say("HTTP/1.1 100 Continue\r\n\r\n")
	x.expect("response 100")
	time.Sleep(5 * short) // what is not to happen has no sign
	s.on(func() {
		x.attempt.Data([]byte("ok"))
		x.attempt.EndRequest(nil)
		x.attempt.Flush()
	})
	p.say(ok)
	x.expect("response 200", "data ok", "end")
}

// A backend that says neither 100 nor a final status is late.
func TestBackendThatIsAskedForItsWordIsLate(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Response = 20 * time.Millisecond })
	x := s.begin()
	x.expect("connected")
	s.on(func() {
		x.attempt.Request(&semantics.Request{Method: []byte("POST"), Length: 2, Expect: true}, []byte("/"))
		x.attempt.Flush()
	})
	x.expect("failed http_response_timeout sent")
}

// RFC 9112 §9.2: what a backend says before a request has left is no answer to it.
func TestBytesThatComeBeforeTheRequestAreNoAnswer(t *testing.T) {
	for _, used := range []bool{false, true} {
		s := newStage(t, nil)
		var p peer
		var x *exchange
		want := "failed http_protocol_error"
		if used {
			_, p = s.finish()
			x, want = s.begin(), "failed connection_terminated reused"
		} else {
			x = s.begin()
			x.expect("connected")
			p = s.accept()
		}
		s.on(func() { // so that the loop does not see it first
			p.say("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			x.attempt.Request(&semantics.Request{Method: []byte("GET")}, []byte("/"))
			x.attempt.EndRequest(nil)
			x.attempt.Flush()
			x.attempt.(*upstream.Conn).ReadNow()
		})
		x.expect(want)
		p.ended()
	}
}

// Between the look at a used connection and a request that may not be repeated lies as little as possible.
func TestRequestThatMayNotBeRepeatedLeavesAtOnce(t *testing.T) {
	s := newStage(t, nil)
	_, p := s.finish()
	x := s.begin()
	s.on(func() {
		x.attempt.Request(&semantics.Request{Method: []byte("POST")}, []byte("/"))
		x.attempt.EndRequest(nil)
		x.attempt.Flush()
		p.request() // the loop's thread is here, and goes on only when it has come
	})
	p.say(ok)
	x.expect("response 200", "data ok", "end")
}
