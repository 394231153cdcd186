package tests

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// limited starts a balancer whose only backend takes one exchange at a time, which it has: the client returned waits
// for /hold until the channel is closed.
func limited(t *testing.T, args ...string) (b *balancer, back *backend, holder *client, held chan struct{}) {
	t.Helper()
	lbOnly(t)
	held = make(chan struct{})
	back = named(t, "A", held)
	b = start(t, settings{backends: []string{back.addr + ",max=1"}, args: args})
	holder = b.dial(t)
	holder.send(head("GET", "/hold"))
	if !eventually(func() bool { return back.last("/hold") != nil }, nil) {
		t.Fatal("the backend did not get the request")
	}
	return b, back, holder, held
}

// join sends a request, and returns when the only worker has seen it: it has answered one that came after it.
func (b *balancer) join(t *testing.T, request string) *client {
	t.Helper()
	c := b.dial(t)
	c.send(request)
	b.settle(t)
	return c
}

// settle returns when the only worker has seen all that was sent before.
func (b *balancer) settle(t *testing.T) {
	t.Helper()
	c := b.dial(t)
	defer c.Close()
	c.send("GET / HTTP/1.1\r\n\r\n")
	c.expectStatus(400)
}

func (c *client) expectStatus(status int) *message {
	c.t.Helper()
	m := c.response("GET")
	if m.status() != status {
		c.t.Errorf("got %v, want %d", m, status)
	}
	return m
}

func TestQueueIsFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	b, back, holder, held := limited(t)
	var waiting []*client
	for i := range 5 {
		waiting = append(waiting, b.join(t, head("GET", fmt.Sprintf("/turn%d", i))))
	}
	if m := back.last("/turn"); m != nil {
		t.Fatalf("the backend got %v over its limit", m)
	}
	close(held)
	holder.expectStatus(200)
	for _, c := range waiting {
		c.expectStatus(200)
	}
	var order []string
	back.mu.Lock()
	defer back.mu.Unlock()
	for _, m := range back.visits[0].messages {
		order = append(order, m.target())
	}
	if want := "/hold /turn0 /turn1 /turn2 /turn3 /turn4"; len(back.visits) != 1 || strings.Join(order, " ") != want {
		t.Errorf("on the first of %d connections: %s, want one and %s", len(back.visits), order, want)
	}
}

func expectTurnedAway(t *testing.T, m *message) {
	t.Helper()
	after, _ := m.field("Retry-After")
	if m.status() != 503 || after != "1" {
		t.Errorf("got %v, want 503 and Retry-After: 1", m)
	}
	expectReason(t, m, []string{"connection_limit_reached"})
}

func TestQueueThatIsFullTurnsAway(t *testing.T) {
	t.Parallel()
	b, _, holder, held := limited(t, "--queue", "2")
	first, second := b.join(t, head("GET", "/1")), b.join(t, head("GET", "/2"))
	late := b.dial(t)
	expectTurnedAway(t, late.roundTrip("GET", "/3"))
	close(held)
	for _, c := range []*client{holder, first, second} {
		c.expectStatus(200)
	}
	if late.roundTrip("GET", "/4").status() != 200 {
		t.Error("the connection that was turned away once is not served")
	}
}

func TestQueueLetsNobodyWaitForTooLong(t *testing.T) {
	t.Parallel()
	b, back, holder, held := limited(t, "--queue-timeout", "150ms")
	began := time.Now()
	clients := []*client{b.join(t, head("GET", "/1")), b.join(t, head("GET", "/2"))}
	for _, c := range clients {
		expectTurnedAway(t, c.response("GET"))
	}
	if waited := time.Since(began); waited < 150*time.Millisecond {
		t.Errorf("turned away after %v", waited)
	}
	close(held)
	holder.expectStatus(200)
	clients[0].roundTrip("GET", "/3").expect(t, 200, "A")
	if back.last("/1") != nil || back.last("/2") != nil {
		t.Error("a request that was turned away got to the backend")
	}
}

// With room for one to wait: when that one leaves, its place is free at once.
func TestQueueForgetsAClientThatLeaves(t *testing.T) {
	t.Parallel()
	b, back, holder, held := limited(t, "--queue", "1")
	leaver := b.join(t, head("GET", "/leaver"))
	leaver.SetLinger(0)
	leaver.Close()
	b.settle(t)
	next := b.join(t, head("GET", "/next"))
	close(held)
	holder.expectStatus(200)
	next.expectStatus(200)
	if back.last("/leaver") != nil {
		t.Error("the request of a client that had left got to the backend")
	}
}

// The body of a request that waits stays with its client, and arrives whole afterwards.
func TestQueueDoesNotReadTheBodyOfWhoWaits(t *testing.T) {
	t.Parallel()
	b, _, holder, held := limited(t, "--queue-timeout", "20s")
	const size = 32 << 20 // far more than the sockets hold
	c := b.dial(t)
	c.send(head("POST", "/upload", fmt.Sprintf("Content-Length: %d", size)))
	body := newPattern(size)
	c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	sent, err := io.CopyBuffer(struct{ io.Writer }{c.TCPConn}, struct{ io.Reader }{body}, make([]byte, 64<<10))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes of %d were taken, %v", sent, size, err)
	}
	t.Logf("%d KiB are in the sockets and in lb", sent>>10)
	close(held)
	holder.expectStatus(200)
	body.at = sent
	c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.Copy(struct{ io.Writer }{c.TCPConn}, struct{ io.Reader }{body}); err != nil {
		t.Fatal(err)
	}
	c.expectStatus(200)
}

// Many clients on two workers: the backend never has more at a time than it may, and everybody is served.
func TestMaxHoldsOverAllWorkers(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	var running, peak atomic.Int64
	back := startBackend(t, serve(func(v *visit, m *message) bool {
		raise(&peak, running.Add(1))
		<-time.After(time.Millisecond) // for others to come, if they may
		running.Add(-1)
		return ok(v, m)
	}))
	b := start(t, settings{
		backends: []string{back.addr + ",max=4"}, workers: 2, args: []string{"--queue-timeout", "20s"},
	})
	var clients sync.WaitGroup
	for range 40 {
		clients.Go(func() {
			for range 5 {
				if err := visitOnce(b.addr); err != nil {
					t.Errorf("a client: %v", err)
				}
			}
		})
	}
	clients.Wait()
	t.Logf("at most %d at a time", peak.Load())
	if peak.Load() > 4 || peak.Load() < 2 {
		t.Errorf("%d exchanges at a time, want up to 4", peak.Load())
	}
}

// With all of the strategies: one backend is full, the other takes what comes.
func TestFullBackendIsPassedOver(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, strategy := range []string{"round_robin", "weighted", "random", "least_conn", "p2c", "hash"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			held := make(chan struct{})
			backs := []*backend{named(t, "A", held), named(t, "B", held)}
			b := start(t, settings{
				backends: []string{backs[0].addr + ",max=1", backs[1].addr + ",max=1"},
				args:     []string{"-s", strategy, "--sticky", "home"},
			})
			cookie, name := b.adopt(t)
			c := b.dial(t)
			c.send(head("GET", "/hold", cookie))
			b.settle(t)
			c2 := b.dial(t)
			for range 10 {
				m := c2.roundTrip("GET", "/", cookie)
				if _, set := m.field("Set-Cookie"); string(m.body) == name || m.status() != 200 || set {
					t.Errorf("%s is full, got %v", name, m)
				}
			}
			close(held)
			c.response("GET").expect(t, 200, name)
		})
	}
}

func listenOn(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
