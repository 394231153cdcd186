//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// load is requests at a fixed rate, whatever becomes of the ones before.
type load struct {
	addr    string
	rate    int
	tally   *tally
	random  *rand.Rand
	over    chan struct{}
	running sync.WaitGroup

	mu   sync.Mutex
	idle []*lane // connections that wait for their next request, the one that has waited longest first
}

const (
	patience = 20 * time.Second    // of a client; reached by what lb has lost only
	maxIdle  = 48                  // connections that a load keeps
	freshFor = 3 * idleTimeout / 4 // after that a kept connection is not used: lb may be about to end it
	probes   = 50                  // a second, whose latency is measured
	piecemax = 64 << 10            // of bodies that are sent
	largest  = 1 << 20             // of bodies that are received
)

// lane is a connection of a client.
type lane struct {
	*net.TCPConn
	reader *bufio.Reader
	used   int
	since  time.Time // when it became idle
}

func newLoad(addr string, rate int, seed uint64, t *tally) *load {
	return &load{addr: addr, rate: rate, tally: t, random: rand.New(rand.NewPCG(seed, 1)), over: make(chan struct{})}
}

// start sends requests until stop.
func (l *load) start() {
	random := rand.New(rand.NewPCG(l.random.Uint64(), 4))
	l.running.Go(func() {
		l.every(time.Second/probes, func(due time.Time) { l.probe(due, random.Uint64()) })
	})
	l.running.Go(func() {
		l.every(time.Second/time.Duration(l.rate), func(time.Time) { l.begin(l.pick(), l.random.Uint64()) })
	})
}

func (l *load) every(interval time.Duration, do func(due time.Time)) {
	began := time.Now()
	for i := time.Duration(0); ; i++ {
		due := began.Add(i * interval)
		select {
		case <-l.over:
			return
		case <-time.After(time.Until(due)):
			do(due)
		}
	}
}

func (l *load) begin(k *kind, seed uint64) {
	l.running.Go(func() {
		began := time.Now()
		l.tally.note(k.name, k.run(l, rand.New(rand.NewPCG(seed, 2))), began)
	})
}

// probe is a small request whose latency counts from when it was due.
func (l *load) probe(due time.Time, seed uint64) {
	l.running.Go(func() {
		err := keptAlive(l, rand.New(rand.NewPCG(seed, 3)))
		l.tally.note("probe", err, due)
		if err == nil {
			l.tally.measure(due)
		}
	})
}

func (l *load) pick() *kind {
	n := l.random.IntN(shares)
	for i := range kinds {
		if n -= kinds[i].share; n < 0 {
			return &kinds[i]
		}
	}
	panic("shares are not the sum of the kinds' shares")
}

// stop ends the load, waits for what runs, and closes what is kept.
func (l *load) stop() {
	close(l.over)
	l.running.Wait()
	for _, c := range l.idle {
		c.Close()
	}
	l.idle = nil
}

func (l *load) connect() (*lane, error) {
	conn, err := net.Dial("tcp", l.addr)
	if err != nil {
		return nil, err
	}
	c := &lane{TCPConn: conn.(*net.TCPConn), reader: bufio.NewReader(conn)}
	return c, c.SetDeadline(time.Now().Add(patience))
}

// take returns a connection that waits, or a new one. One that lb has ended meanwhile is dropped, as clients do that
// watch their connections.
func (l *load) take() (*lane, error) {
	for {
		l.mu.Lock()
		if len(l.idle) == 0 {
			l.mu.Unlock()
			return l.connect()
		}
		c := l.idle[0]
		l.idle = append(l.idle[:0], l.idle[1:]...)
		l.mu.Unlock()
		if time.Since(c.since) < freshFor && !c.hasEnded() {
			return c, c.SetDeadline(time.Now().Add(patience))
		}
		c.Close()
	}
}

func (l *load) put(c *lane) {
	c.since = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) < maxIdle {
		l.idle = append(l.idle, c)
	} else {
		c.Close()
	}
}

func (c *lane) hasEnded() (ended bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		ended = !errors.Is(err, syscall.EAGAIN)
	})
	return ended || err != nil
}

// send writes a request, or several.
func (c *lane) send(text string) error {
	reused := c.used > 0
	c.used++
	_, err := io.WriteString(c.TCPConn, text)
	return crossed(err, reused)
}

// crossed tells the end of a connection that had served before from other failures.
func crossed(err error, reused bool) error {
	if err != nil && reused && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %w", errCrossed, err)
	}
	return err
}

// response reads the head of the next response, and holds its status against the one that is wanted.
func (c *lane) response(method string, status int) (*http.Response, error) {
	if _, err := c.reader.Peek(1); err != nil {
		return nil, crossed(err, c.used > 1)
	}
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == status:
		return response, nil
	}
	io.Copy(io.Discard, response.Body)
	return nil, &otherStatus{response.StatusCode, response.Header.Get("Proxy-Status")}
}

// receive reads a response whose body is this piece, and reports whether the connection goes on.
func (c *lane) receive(p piece) (more bool, err error) {
	response, err := c.response("GET", http.StatusOK)
	if err != nil {
		return false, err
	}
	return !response.Close, p.compare(response.Body)
}
