package downstream_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/semantics"
)

func TestPipelinedRequestWaitsForTheAnswerBeforeIt(t *testing.T) {
	s := newStage(t, nil)
	c := s.connect()
	c.say(get + "GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	s.on(func() {
		if len(s.heard) > 0 {
			t.Error("the next request is served before the answer")
		}
		answer(x.conn, 200)
	})
	s.expect("GET /next", "end 0")
	c.expect(plain)
}

// A client may not buy time for its head by the line.
func TestTimeForAHeadRunsFromItsFirstByte(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Idle, c.Timeouts.Header = time.Hour, 500*time.Millisecond })
	first := s.connect()
	first.say("GET / HTTP/1.1\r\n")
	s.pass(50 * time.Millisecond)
	second := s.connect()
	second.say("GET / HTTP/1.1\r\n")
	s.pass(50 * time.Millisecond)
	first.say("Host: x\r\n")
	for _, c := range []client{first, second} {
		s.expect(fmt.Sprintf("late %d", c.port()))
		c.expect(closing(408))
	}
}

// pass has the loop's clock go on: a connection comes, and ends because it is idle.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	idle := s.config.Timeouts.Idle
	s.on(func() { s.config.Timeouts.Idle = d })
	c := s.connect()
	s.on(func() { s.config.Timeouts.Idle = idle })
	c.ended()
}

func TestSilentConnectionEndsInTime(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Idle = time.Millisecond })
	s.connect().ended()
	c := s.connect()
	s.on(func() { s.config.Timeouts.Idle = time.Hour })
	s.open(0)
	c.ended()
}

// An answer may come while the request is being served, with other requests behind it. The connection waits for the next
// one then as after any other.
func TestConnectionAnsweredAtOnceEndsInTime(t *testing.T) {
	s := newStage(t, nil)
	c := s.connect()
	c.say(get + get + get)
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	s.on(func() {
		s.config.Timeouts.Idle = 50 * time.Millisecond
		s.serve = func(c *downstream.Conn, _ *semantics.Request) {
			c.Begin(&exchange{stage: s, conn: c})
			answer(c, 200)
		}
		answer(x.conn, 200)
	})
	s.expect("GET /", "GET /")
	c.expect(plain + plain + plain)
	c.ended()
}

// A client that asked for the end and has sent nothing behind its request needs no time to be heard out.
func TestAnswerAtOnceClosesAtOnce(t *testing.T) {
	s := newStage(t, nil)
	s.serve = func(c *downstream.Conn, _ *semantics.Request) {
		c.Begin(&exchange{stage: s, conn: c})
		answer(c, 503)
		if !c.Ended() {
			t.Error("the connection lingers")
		}
	}
	c := s.connect()
	c.say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	c.expect(closing(503))
	c.ended()
}

// The answer must not be lost to a reset because the client is still sending.
func TestRefusedClientIsHeardOut(t *testing.T) {
	s := newStage(t, nil)
	c := s.connect()
	c.say("GET / HTTP/1.1\r\nHost : x\r\n\r\n")
	s.expect("refuse 400")
	for range 8 {
		c.say(strings.Repeat("x", 16<<10))
		s.on(func() {})
	}
	c.expect(closing(400))
	_ = c.conn.CloseWrite()
	c.ended()
	s.open(0)
}

func TestBodyOverTheLimit(t *testing.T) {
	limit := func(c *messages.Config) { c.Limits.BodyBytes = 4 }
	s := newStage(t, limit)
	c := s.connect()
	c.say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
	s.expect("refuse 413")
	c.expect(closing(413))
	c = s.connect()
	c.say("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
	s.expect("POST /", "data abc", "malformed 413")
	c.expect(closing(413))
}

// What was read before a pause is no new event.
func TestResumeGoesOnWithoutAnEvent(t *testing.T) {
	s := newStage(t, nil)
	s.serve = func(c *downstream.Conn, _ *semantics.Request) {
		x := &exchange{stage: s, conn: c, pauses: true}
		c.Begin(x)
		s.began <- x
	}
	c := s.connect()
	c.say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12")
	s.expect("POST /", "data 12")
	x := await(t, s.began)
	c.say("34")
	s.connect().say(get)
	s.expect("GET /") // a later event than the last bytes
	if len(s.heard) > 1 {
		t.Fatal("a paused body goes on")
	}
	for len(s.heard) > 0 {
		<-s.heard
	}
	s.on(x.conn.Resume)
	s.expect("data 34", "end 0")
}

func TestClientThatLeavesEndsItsExchange(t *testing.T) {
	for name, c := range map[string]struct {
		say  string
		act  func(client)
		want []string
	}{
		"end in a body": {
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12", func(c client) { _ = c.conn.CloseWrite() },
			[]string{"POST /", "data 12", "aborted client_closed"},
		},
		"reset in a body": {
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12", reset,
			[]string{"POST /", "data 12", "aborted client_closed"},
		},
		"reset while it waits": {get, reset, []string{"GET /", "end 0", "aborted client_closed"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			peer := s.connect()
			peer.say(c.say)
			for _, w := range c.want[:2] {
				s.expect(w)
			}
			c.act(peer)
			s.expect(c.want[2:]...)
			s.open(0)
		})
	}
}

func reset(c client) {
	_ = c.conn.SetLinger(0)
	_ = c.conn.Close()
}

// A client may end its side and wait for the answer.
func TestHalfClosedClientGetsItsAnswer(t *testing.T) {
	s := newStage(t, nil)
	c := s.connect()
	c.say(get)
	_ = c.conn.CloseWrite()
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	s.on(func() { answer(x.conn, 200) })
	c.expect(plain)
	c.ended()
	s.open(0)
}

func TestSilenceInABodyIsTheClientsFault(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Body = time.Millisecond })
	c := s.connect()
	c.say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12")
	s.expect("POST /", "data 12", "aborted client_timeout")
	s.open(0)
	c.reset()
}

func TestClientThatTakesNothingIsLate(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Body = 50 * time.Millisecond })
	c := s.connect()
	c.say(get)
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	s.on(func() {
		x.conn.Respond(&semantics.Response{Status: 200, Length: int64(len(more)), Fields: []semantics.Field{length("9")}})
		x.conn.Data(more)
		if !x.conn.Flush() || x.conn.Pending() == 0 {
			t.Error("nothing pending")
		}
	})
	s.expect("aborted client_timeout")
	c.reset()
}

func TestWritableComesAfterTheQueue(t *testing.T) {
	s := newStage(t, nil)
	c := s.connect()
	c.say(get)
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	s.on(func() {
		x.conn.Respond(&semantics.Response{Status: 200, Length: semantics.UntilClose})
		x.conn.Data(more)
		x.conn.Flush()
	})
	c.expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n" + string(more))
	s.expect("writable")
}

// The last bytes may still be queued when the exchange is over. The next request waits for them, or the end does.
func TestDoneWithAQueue(t *testing.T) {
	for _, request := range []string{get + get, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"} {
		s := newStage(t, nil)
		c := s.connect()
		c.say(request)
		s.expect("GET /", "end 0")
		x := await(t, s.began)
		s.on(func() {
			x.conn.Respond(&semantics.Response{Status: 200, Length: int64(len(more))})
			x.conn.Data(more)
			x.conn.FlushLast()
			x.conn.Done()
			if len(s.heard) > 0 {
				t.Error("the next request is served before the answer is sent")
			}
		})
		body := io.LimitReader(c.conn, int64(len("HTTP/1.1 200 OK\r\n\r\n")+len(more)))
		if request == get+get {
			if _, err := io.Copy(io.Discard, body); err != nil {
				t.Fatal(err)
			}
			s.expect("GET /", "end 0")
			continue
		}
		if n, err := io.Copy(io.Discard, c.conn); n < int64(len(more)) || err != nil {
			t.Errorf("got %d bytes, %v", n, err)
		}
	}
}

// tunnel has the exchange of a request become one.
func (s *stage) tunnel(c client) *exchange {
	s.t.Helper()
	c.say(get)
	s.expect("GET /", "end 0")
	x := await(s.t, s.began)
	s.on(func() {
		x.conn.Switch(&semantics.Response{Status: 101}, []byte("x"))
		x.conn.Flush()
	})
	c.expect("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
	return x
}

func TestTunnelPassesBytesAndEnds(t *testing.T) {
	s := newStage(t, nil)
	c := s.connect()
	x := s.tunnel(c)
	c.say("there")
	s.expect("data there")
	s.on(func() {
		x.conn.Data(more)
		x.conn.Flush()
		x.conn.Shutdown()
	})
	c.expect(string(more))
	c.ended()
	c.say("still")
	s.expect("writable", "data still")
	_ = c.conn.CloseWrite()
	s.expect("end 0")
	s.on(x.conn.Finish)
	s.open(0)
}

// The exchange has to hear of it whichever of its sides has ended before.
func TestIdleTunnelIsAborted(t *testing.T) {
	for _, half := range []bool{false, true} {
		s := newStage(t, func(c *messages.Config) { c.Timeouts.Tunnel = 100 * time.Millisecond })
		c := s.connect()
		s.tunnel(c)
		if half {
			_ = c.conn.CloseWrite()
			s.expect("end 0")
		}
		s.expect("aborted client_timeout")
		s.open(0)
	}
}

// A connection that comes to rest late in a drain must not hold it up for the whole idle time-out.
func TestConnectionThatComesToRestInADrainEndsSoon(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Idle = time.Hour })
	c := s.connect()
	c.say(get)
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	s.on(func() {
		x.conn.Respond(&semantics.Response{Status: 200, Length: 2})
		x.conn.Flush()
		s.clients.Draining = true
		x.conn.Data([]byte("ok"))
		x.conn.FlushLast()
		x.conn.Done()
	})
	c.expect("HTTP/1.1 200 OK\r\n\r\nok")
	c.ended()
	s.open(0)
}

func TestCloseIdleSparesWhoIsBusy(t *testing.T) {
	s := newStage(t, nil)
	idle, busy, partial := s.connect(), s.connect(), s.connect()
	busy.say(get)
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	partial.say("GET / HTTP/1.1\r\n")
	s.connect().say("GET /mark HTTP/1.1\r\nHost: x\r\n\r\n") // a later event
	s.expect("GET /mark", "end 0")
	s.on(s.clients.CloseIdle)
	s.open(3)
	idle.ended()
	s.on(func() { answer(x.conn, 200) })
	busy.expect(plain)
	partial.say("Host: x\r\n\r\n")
	s.expect("GET /", "end 0")
}

func TestAbortTellsEveryExchange(t *testing.T) {
	s := newStage(t, nil)
	idle, busy := s.connect(), s.connect()
	busy.say(get)
	s.expect("GET /", "end 0")
	s.on(func() { s.clients.Abort(messages.DrainExpired) })
	s.expect("aborted drain_expired")
	busy.reset()
	idle.reset()
	s.open(0)
}

// The turn is the backend's whose response was over, or nobody's; the code is that of the client's next request.
func TestPanicInTheNextRequestEndsItsConnection(t *testing.T) {
	s := newStage(t, nil)
	c := s.connect()
	c.say(get + get)
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	s.on(func() {
		s.serve = func(c *downstream.Conn, _ *semantics.Request) {
			c.Begin(&exchange{stage: s, conn: c})
			panic("a request was to fail")
		}
		answer(x.conn, 200)
	})
	s.expect("GET /", "crashed")
	c.reset()
	s.open(0)
}

// An answer that did not leave whole at the end of its round is waited for, and then the connection is as idle as any.
func TestConnectionWhoseLastAnswerGotStuckComesToRest(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Idle = time.Hour })
	body := make([]byte, 3<<10)
	s.serve = func(c *downstream.Conn, _ *semantics.Request) {
		c.Begin(&exchange{stage: s, conn: c})
		c.Respond(&semantics.Response{Status: 200, Length: int64(len(body))})
		c.Data(body)
		c.FlushLast()
		c.Done()
	}
	c := s.connect()
	asked := 0
	for stuck := false; !stuck; asked++ {
		c.say(get)
		s.expect("GET /")
		s.on(func() { stuck = s.clients.Stuck() })
	}
	s.on(func() {
		s.clients.Draining = true
		s.clients.CloseIdle()
	})
	s.open(1)
	all := asked * (len("HTTP/1.1 200 OK\r\n\r\n") + len(body))
	if n, err := io.Copy(io.Discard, c.conn); n != int64(all) || err != nil {
		t.Errorf("got %d of %d bytes, %v, and want the end", n, all, err)
	}
	s.open(0)
}

// The client has reset the connection in the moment in which something small is sent to it: the send takes the news along.
func TestClientThatResetsAsItIsAnsweredIsNoticed(t *testing.T) {
	s := newStage(t, nil)
	c := s.connect()
	c.say(get)
	s.expect("GET /", "end 0")
	x := await(t, s.began)
	s.on(func() {
		_ = c.conn.SetLinger(0) // here, so that the loop does not see the reset first
		_ = c.conn.Close()
		x.conn.Respond(&semantics.Response{Status: 200, Length: semantics.UntilClose})
		x.conn.Flush()
	})
	s.expect("aborted client_closed")
	s.open(0)
}
