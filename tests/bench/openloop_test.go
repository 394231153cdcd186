//go:build linux

package main

import (
	"net"
	"testing"
	"time"
)

func TestOpenLoopSendsAtItsRate(t *testing.T) {
	b, err := startBackends(1)
	if err != nil {
		t.Fatal(err)
	}
	const rate, length = 1000, 200 * time.Millisecond
	loop := newOpenLoop(rate, length, requestOf("/small", b.addresses[0]))
	began := time.Now()
	got, err := loop.at(b.addresses[0], 4)
	if err != nil {
		t.Fatal(err)
	}
	if got.P50 <= 0 || got.P50 > got.P99 || got.P99 > got.P999 {
		t.Errorf("got %+v, want quantiles in order", got)
	}
	if took := time.Since(began); took < length-time.Second/rate {
		t.Errorf("%v for %v of requests: faster than the rate", took, length)
	}
}

// TestOpenLoopCountsFromWhenARequestWasDue has a server that answers one connection, once, and so late that all other
// requests are due by then.
func TestOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const stall = 100 * time.Millisecond
	go answerLate(listener, stall)
	address := listener.Addr().String()
	loop := newOpenLoop(100, 50*time.Millisecond, requestOf("/small", address)) // due at 0, 10, … 40 ms
	got, err := loop.at(address, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.P50 < stall-40*time.Millisecond {
		t.Errorf("got %+v: requests that had to wait do not count their wait", got)
	}
}

// answerLate answers all requests of a connection, the first after a time.
func answerLate(listener net.Listener, stall time.Duration) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	buffer := make([]byte, 4096)
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		<-time.After(stall)
		stall = 0
		if _, err := conn.Write(smallResponse); err != nil {
			return
		}
	}
}

func TestOpenLoopToldThatAConnectionEnded(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			conn.Close()
		}
	}()
	address := listener.Addr().String()
	if got, err := newOpenLoop(100, time.Second, requestOf("/small", address)).at(address, 1); err == nil {
		t.Errorf("got %+v, want an error", got)
	}
}

func TestQuantile(t *testing.T) {
	f := func(want time.Duration, part float64, sorted ...time.Duration) {
		t.Helper()
		if got := quantile(sorted, part); got != want {
			t.Errorf("%v of %v: got %v, want %v", part, sorted, got, want)
		}
	}
	f(7, 0.5, 7)
	f(7, 0.999, 7)
	f(3, 0.5, 1, 2, 3, 4)
	f(4, 0.99, 1, 2, 3, 4)
}
