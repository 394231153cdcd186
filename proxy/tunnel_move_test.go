package proxy

import (
	"bytes"
	"io"
	"testing"
	"time"

	"lb/messages"
)

// parcel is what a worker hands over.
type parcel struct {
	what messages.Moved
	fds  []int
}

// handOver has the stage's worker go.
func (s *stage) handOver() (parcels chan parcel, done chan int) {
	parcels, done = make(chan parcel, 4), make(chan int, 1)
	take := func(what messages.Moved, fds []int) { parcels <- parcel{what, fds} }
	s.on(func() { s.worker.HandOver(time.Minute, take, func(cut int) { done <- cut }) })
	return parcels, done
}

// adopt serves a tunnel of another worker, which has come as if between processes.
func (s *stage) adopt(p parcel) {
	s.t.Helper()
	wire, err := messages.AppendFrame(nil, p.what)
	if err != nil {
		s.t.Fatal(err)
	}
	value, err := messages.ReadFrame(bytes.NewReader(wire))
	tunnel, is := value.(messages.TunnelMoved)
	if err != nil || !is || !tunnel.Holds(len(p.fds)) {
		s.t.Fatalf("%T with %d sockets, %v", value, len(p.fds), err)
	}
	s.on(func() { s.worker.AdoptTunnel(&tunnel, p.fds[0], p.fds[1]) })
}

// tunnel makes one through the stage's worker.
func (s *stage) tunnel() (client, back end) {
	client = s.connect()
	client.say(upgrade)
	back = s.accept()
	back.head()
	back.say(switches)
	client.head()
	return client, back
}

// drained holds that nothing of the worker was cut off.
func drained(t *testing.T, done <-chan int) {
	t.Helper()
	if cut := await(t, done); cut != 0 {
		t.Errorf("%d exchanges were cut off", cut)
	}
}

func (s *stage) stats() (now messages.Stats) {
	s.on(func() { now = s.worker.Stats() })
	return now
}

// Neither end of a tunnel notices that another worker relays it. It is counted and logged by whoever sees its end.
func TestTunnelMoves(t *testing.T) {
	first := newStage(t, Options{}, nil)
	logged := make(chan Access, 1)
	second := newStage(t, Options{Access: func(a *Access) { logged <- kept(a) }},
		func(c *messages.Config) { c.AccessLog = messages.AccessOn })
	second.back = first.back
	second.on(second.apply)
	client, back := first.tunnel()
	client.say("one")
	back.expect("one")
	parcels, done := first.handOver()
	client.say("two")
	back.say("three")
	p := await(t, parcels)
	drained(t, done)
	first.rests(0)
	second.adopt(p)
	back.expect("two")
	client.expect("three")
	now := second.stats()
	if now.InFlight != 1 || now.Active != 1 || len(now.Backends) != 1 {
		t.Errorf("%d exchanges of %d clients run, %d backends are known", now.InFlight, now.Active, len(now.Backends))
	}
	for name, b := range now.Backends {
		if b.InFlight != 1 || b.Pool.Open != 1 {
			t.Errorf("%s: %d in flight on %d connections", name, b.InFlight, b.Pool.Open)
		}
	}
	_ = client.CloseWrite()
	back.ended()
	back.say("last")
	_ = back.CloseWrite()
	client.expect("last")
	client.ended()
	second.rests(0)
	a := await(t, logged)
	if string(a.Method) != "GET" || string(a.Host) != "a" || a.Status != 101 || a.BytesIn != 6 || a.BytesOut != 9 || a.Attempts != 1 ||
		a.Backend == "" || a.Duration <= 0 || a.TTFB <= 0 || a.TTFB > a.Duration {
		t.Errorf("logged: %+v", a)
	}
	if before := first.stats().Requests; before != (messages.Stats{}).Requests {
		t.Errorf("the first worker has counted %v", before)
	}
}

// A backend that the successor's configuration does not have is served to the tunnel's end, and an idle tunnel ends as
// it does anywhere.
func TestMovedTunnelOfAnUnknownBackendEndsWhenItIsIdle(t *testing.T) {
	first := newStage(t, Options{}, nil)
	second := newStage(t, Options{}, func(c *messages.Config) { c.Timeouts.Tunnel = 50 * time.Millisecond })
	client, back := first.tunnel()
	parcels, _ := first.handOver()
	p := await(t, parcels)
	client.say("one")
	second.adopt(p)
	back.expect("one")
	client.ended()
	back.ended()
	second.rests(0)
}

// What waits to be sent is not left behind: the tunnel follows when nothing does.
func TestTunnelMovesWhenItsQueuesAreEmpty(t *testing.T) {
	first, second := newStage(t, Options{}, nil), newStage(t, Options{}, nil)
	client, back := first.tunnel()
	much := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	written := make(chan error, 1)
	go func() {
		_, err := back.Write(much)
		written <- err
	}()
	queued := func() (full bool) {
		first.on(func() {
			for _, x := range first.worker.clients.Tunnels() {
				full = (*exchange)(x.(*fromClient)).client.Pending() > 0
			}
		})
		return full
	}
	for deadline := time.Now().Add(patience); !queued(); {
		if time.Now().After(deadline) {
			t.Fatal("nothing waits to be sent")
		}
	}
	parcels, done := first.handOver()
	if len(parcels) > 0 || first.stats().InFlight != 1 {
		t.Fatal("a tunnel has left what waits to be sent behind")
	}
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(client.in)
		got <- all
	}()
	second.adopt(await(t, parcels))
	drained(t, done)
	if err := await(t, written); err != nil {
		t.Fatal(err)
	}
	_ = back.Close()
	if all := await(t, got); !bytes.Equal(all, much) {
		t.Errorf("%d bytes have come, want %d, and the same", len(all), len(much))
	}
}

// The end of one side is known to this process alone.
func TestHalfEndedTunnelStays(t *testing.T) {
	s := newStage(t, Options{}, nil)
	client, back := s.tunnel()
	_ = client.CloseWrite()
	back.ended()
	parcels, done := s.handOver()
	back.say("last")
	_ = back.CloseWrite()
	client.expect("last")
	client.ended()
	drained(t, done)
	if len(parcels) > 0 {
		t.Error("the tunnel was handed over")
	}
}

// A protocol that is switched to after another process has taken over moves at once.
func TestTunnelMadeDuringTheHandOverMoves(t *testing.T) {
	first, second := newStage(t, Options{}, nil), newStage(t, Options{}, nil)
	client := first.connect()
	client.say(upgrade)
	back := first.accept()
	back.head()
	parcels, done := first.handOver()
	back.say(switches + "hello")
	second.adopt(await(t, parcels))
	drained(t, done)
	client.head()
	client.expect("hello")
	client.say("more")
	back.expect("more")
}

// kept is a copy that stays good.
func kept(a *Access) Access {
	c := *a
	c.RequestID, c.Method = bytes.Clone(a.RequestID), bytes.Clone(a.Method)
	c.Host, c.Path = bytes.Clone(a.Host), bytes.Clone(a.Path)
	return c
}

// A drain that comes while a worker hands over has the last word: what comes to rest ends here.
func TestDrainEndsAHandOver(t *testing.T) {
	s := newStage(t, Options{}, nil)
	client := s.connect()
	client.say(get)
	back := s.accept()
	back.head()
	parcels, done := s.handOver()
	s.on(func() { s.worker.Drain(time.Minute, func(int) {}) })
	back.say(answered)
	client.head()
	client.expect("ok")
	client.ended()
	drained(t, done)
	if len(parcels) > 0 {
		t.Error("a connection was handed over")
	}
}
