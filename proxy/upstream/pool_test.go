package upstream_test

import (
	"testing"
	"time"

	"lb/messages"
	"lb/proxy/upstream"
)

// two makes two exchanges at a time, which end in the order in which they began. It returns them with the backend's
// ends.
func (s *stage) two() (x [2]*exchange, p [2]peer) {
	s.t.Helper()
	for i := range x {
		x[i] = s.begin()
		x[i].expect("connected")
		p[i] = s.accept()
		x[i].send("GET")
		p[i].request()
	}
	for i := range x {
		p[i].say(ok)
		x[i].expect("response 200", "data ok", "end")
	}
	return x, p
}

func TestConnectionUsedLastIsUsedFirst(t *testing.T) {
	s := newStage(t, nil)
	had, _ := s.two()
	s.until(2, 2)
	for i := range had {
		if x := s.begin(); x.attempt != had[1-i].attempt || !x.attempt.Ready() || !x.attempt.Reused() {
			t.Errorf("exchange %d did not get the connection used last", i)
		}
	}
	s.on(func() {
		if got := s.backend.Stats(); got.Connects != 2 || got.Reuses != 2 || got.Open != 2 || got.Idle != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestFreshTakesNoIdleConnection(t *testing.T) {
	s := newStage(t, nil)
	s.finish()
	x := s.beginWith(upstream.Want{Fresh: true})
	x.expect("connected")
	if x.attempt.Reused() {
		t.Error("got an idle connection")
	}
	s.on(x.attempt.Cancel)
	s.until(1, 1)
}

func TestPoolKeepsSoManyIdleConnections(t *testing.T) {
	s := newStage(t, nil)
	s.on(func() { s.pool.MaxIdle = 1 })
	_, p := s.two()
	s.until(1, 1)
	p[1].ended()
}

func TestIdleConnectionLeavesThePool(t *testing.T) {
	for name, act := range map[string]func(s *stage, p peer){
		"end":             func(_ *stage, p peer) { _ = p.conn.CloseWrite() },
		"reset":           func(_ *stage, p peer) { p.reset() },
		"unasked bytes":   func(_ *stage, p peer) { p.say("HTTP/1.1 408 Request Timeout\r\n\r\n") },
		"close idle":      func(s *stage, _ peer) { s.on(s.pool.CloseIdle) },
		"backend is gone": func(s *stage, _ peer) { s.on(func() { s.pool.Retain(nil) }) },
		"address is gone": func(s *stage, _ peer) { s.on(func() { s.serve() }) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			_, p := s.finish()
			s.until(1, 1)
			act(s, p)
			s.until(0, 0)
		})
	}
}

func TestIdleConnectionEndsInTime(t *testing.T) {
	s := newStage(t, func(c *messages.Config) { c.Timeouts.Idle = time.Millisecond })
	_, p := s.finish()
	p.ended()
	s.until(0, 0)
}

// A turn that was asked for while the response was not over may come when it is.
func TestIdleConnectionOutlivesATurnForNothing(t *testing.T) {
	s := newStage(t, nil)
	x, _ := s.finish()
	s.on(x.attempt.(*upstream.Conn).Readable)
	s.until(1, 1)
}

func TestConnectionIsNotKept(t *testing.T) {
	for name, response := range map[string]string{
		"close":              "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0":           "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"bytes behind":       ok + "H",
		"a second response":  ok + ok,
		"a body that is not": "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			x := s.begin()
			x.expect("connected")
			p := s.accept()
			x.send("GET")
			p.request()
			p.say(response)
			for heard := ""; heard != "end"; heard = await(t, x.heard) {
			}
			s.until(0, 0)
		})
	}
}

// The connection of a request that was not written to its end is in the middle of it.
func TestEarlyResponseEndsTheConnection(t *testing.T) {
	s := newStage(t, nil)
	x := s.begin()
	x.expect("connected")
	p := s.accept()
	x.sendHead("POST", 10)
	p.request()
	p.say(ok)
	x.expect("response 200", "data ok", "end")
	s.until(0, 0)
}
