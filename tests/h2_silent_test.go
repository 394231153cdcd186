package tests

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hole is a relay whose connections go on taking bytes and drop them once it is closed: to either side, the other one
// is gone without a word. New connections pass.
type hole struct {
	addr  string
	until atomic.Int64 // connections up to this number drop what comes
	count atomic.Int64
}

func startHole(t *testing.T, to string) *hole {
	t.Helper()
	h := new(hole)
	back := startBackend(t, func(v *visit) {
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer server.Close()
		number := h.count.Add(1)
		go h.pass(v.TCPConn, server, number)
		h.pass(server, v.TCPConn, number)
	})
	h.addr = back.addr
	return h
}

func (h *hole) pass(to, from net.Conn, number int64) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			if number > h.until.Load() {
				to.Close()
			}
			return
		}
		if number > h.until.Load() {
			to.Write(b[:n])
		}
	}
}

// swallow has all connections that there are drop what comes from now on.
func (h *hole) swallow() { h.until.Store(h.count.Load()) }

// A backend that is gone without a FIN gets no new requests 15 s later, and those it has are over after 30 s: what may
// be repeated is answered nevertheless.
func TestSilentBackendOfHTTP2SwallowsNothing(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for name, server := range map[string]func(*testing.T, http.Handler) string{
		"clear text": func(t *testing.T, h http.Handler) string { return startH2C(t, h) },
		"TLS":        func(t *testing.T, h http.Handler) string { return startSecure(t, h, "h2").backend },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scheme, addr, _ := strings.Cut(server(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, "ok")
			})), "://")
			h := startHole(t, addr)
			b := start(t, settings{backends: []string{scheme + "://" + h.addr}, args: unverified})
			b.get(t, "/").expect(t, 200, "ok")
			h.swallow()
			silentFor(t, b)
		})
	}
}

func silentFor(t *testing.T, b *balancer) {
	t.Helper()
	const tick = time.Second
	began := time.Now()
	var running sync.WaitGroup
	running.Go(func() {
		c := b.dial(t)
		c.SetDeadline(time.Now().Add(3 * patience))
		c.send(head("POST", "/", "Content-Length: 0"))
		m := c.response("POST")
		expectReason(t, m, []string{"connection_read_timeout"})
		took := time.Since(began)
		if t.Logf("the POST was over after %v", took); took < 15*time.Second || took > unhurried(40*time.Second) {
			t.Errorf("a POST was over after %v, want 30 s", took)
		}
	})
	var served atomic.Int64 // when the first request was that was answered at once
	for i := range 20 {
		running.Go(func() {
			<-time.After(time.Duration(i) * tick)
			sent := time.Since(began)
			c := b.dial(t)
			c.SetDeadline(time.Now().Add(3 * patience))
			c.roundTrip("GET", "/").expect(t, 200, "ok")
			if time.Since(began)-sent < tick {
				served.CompareAndSwap(0, int64(sent))
			}
		})
	}
	running.Wait()
	if first := time.Duration(served.Load()); first == 0 || first > 18*tick {
		t.Errorf("requests went elsewhere after %v, want 15 s", first)
	} else {
		t.Logf("requests went elsewhere after %v", first)
	}
}
