//go:build linux

package main

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"
)

// startAlone starts an origin of HTTP/1.1 and a load that goes straight to it.
func startAlone(t *testing.T) (*origin, *load) {
	t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	o := &origin{name: "alone", host: "127.0.0.1"}
	if err := startOrigin(o, &protocols, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.cast(healthy)
		o.server.Close()
		o.stop()
	})
	return o, newLoad(net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)), 20, 1, newTally())
}

// An origin has the right answer for each kind of request that can have one without lb.
func TestOriginAnswersEachKind(t *testing.T) {
	t.Parallel()
	_, l := startAlone(t)
	for i := range kinds {
		switch kinds[i].name {
		case "idle", "stops in a head", "stops in a body", "malformed", "events", "tunnel", "bad: late":
			continue // lb's part, or seconds long
		}
		if err := kinds[i].run(l, rand.New(rand.NewPCG(1, 1))); err != nil {
			t.Errorf("%s: %v", kinds[i].name, err)
		}
	}
}

func TestSpells(t *testing.T) {
	t.Parallel()
	o, l := startAlone(t)
	ask := func() string { return wordOf(newConnection(l, rand.New(rand.NewPCG(1, 1)))) }
	expect := func(what, want string) {
		t.Helper()
		if got := ask(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	expect("healthy", "answered")
	o.cast(resets)
	expect("resets", "reset")
	o.cast(nonsense)
	expect("nonsense", "failed")
	o.cast(healthy)
	expect("healthy again", "answered")
	o.stop()
	expect("stopped", "refused")
	if err := o.again(); err != nil {
		t.Fatal(err)
	}
	expect("back", "answered")
}

// A stalled origin answers when it goes on.
func TestStall(t *testing.T) {
	t.Parallel()
	o, l := startAlone(t)
	o.cast(stalled)
	p := piece{0, 100}
	err := l.once(func(c *lane) error {
		if err := c.send(get(p.target("/bytes"))); err != nil {
			return err
		}
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := c.reader.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("while it stalls: %v", err)
		}
		o.cast(healthy)
		c.SetReadDeadline(time.Now().Add(patience))
		_, err := c.receive(p)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
