package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"lb/messages"
	"lb/supervisor"
)

// demoBackend is a server of the demo, which answers with its name.
type demoBackend struct {
	name     string
	colour   int
	address  string
	stage    *stage
	server   *http.Server
	requests atomic.Uint64
}

type demoBackends struct{ all []*demoBackend }

// startBackends starts the three servers on free ports of the loopback interface.
func startBackends(s *stage, goroutines *supervisor.Goroutines) (*demoBackends, error) {
	started := &demoBackends{}
	for _, b := range []*demoBackend{
		{name: "red", colour: redText, stage: s},
		{name: "green", colour: greenText, stage: s},
		{name: "blue", colour: blueText, stage: s},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			started.close()
			return nil, fmt.Errorf("demo backend %s: %w", b.name, err)
		}
		b.address = listener.Addr().String()
		b.server = &http.Server{Handler: b, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
		started.all = append(started.all, b)
		goroutines.Go("demo backend "+b.name, func() { b.serve(listener) })
	}
	return started, nil
}

func (b *demoBackend) serve(listener net.Listener) {
	if err := b.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		b.stage.say("  " + b.name + " ended: " + err.Error())
	}
}

// ServeHTTP answers with the backend's name, the request line and the body, if it is short.
func (b *demoBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const longestEcho = 1 << 10
	b.requests.Add(1)
	b.stage.show(b, r.Method, printable(r.URL.RequestURI()))
	body, err := io.ReadAll(io.LimitReader(r.Body, longestEcho))
	if err != nil {
		http.Error(w, "the body did not arrive", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s answers %s %s\n%s", b.name, r.Method, r.URL.RequestURI(), body)
}

// printable keeps a request target from driving the terminal or filling it.
func printable(target string) string {
	const longest = 80
	if len(target) > longest {
		target = target[:longest] + "..."
	}
	quoted := fmt.Sprintf("%+q", target)
	return quoted[1 : len(quoted)-1]
}

// config balances over the backends by the defaults, but without probes: they would be shown among the requests.
func (d *demoBackends) config() messages.Config {
	c := messages.DefaultConfig()
	c.Health.Type = messages.HealthOff
	for _, b := range d.all {
		backend, err := messages.ParseBackend(b.address)
		if err != nil {
			panic("a listener's address is no backend: " + err.Error())
		}
		c.Backends = append(c.Backends, backend)
	}
	return c
}

func (d *demoBackends) close() {
	for _, b := range d.all {
		_ = b.server.Close() // the listeners end with the process at the latest
	}
}
