package tests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A load is requests at a fixed rate, whatever becomes of the ones before: each has a time at which it is due, and its
// latency runs from that. Who waits with a request until another one is answered does not notice how long it was not
// served. What kind of request comes when is decided by a seed.
type load struct {
	addr  string
	rate  int // requests a second
	kinds []kind
	rand  *rand.Rand
	over  chan struct{}
	ended chan struct{}

	mu        sync.Mutex
	idle      []*lane // connections that wait for their next request, the latest last
	due       int
	ends      map[string]int // of requests, by the word for it
	samples   []string       // what the first failures were
	latencies []time.Duration
	running   sync.WaitGroup
}

// lane is a connection of the load's own.
type lane struct {
	net.Conn
	reader *bufio.Reader
	used   int // requests before
}

// kind of request, and how many of all are of that kind.
type kind struct {
	share int
	run   func(l *load, r *rand.Rand) error
}

// errClosedFirst is the end of a kept connection before a byte of the answer: the request and the end have crossed.
// Clients send a GET again then (RFC 9112 §9.3.1); who closes connections as lb promises gives them no occasion to.
var errClosedFirst = errors.New("closed while the request was on its way")

// startLoad sends requests until stop.
func startLoad(addr string, rate int, seed uint64, kinds []kind) *load {
	l := &load{
		addr: addr, rate: rate, kinds: kinds, rand: rand.New(rand.NewPCG(seed, 1)),
		over: make(chan struct{}), ended: make(chan struct{}), ends: map[string]int{},
	}
	go l.run()
	return l
}

func (l *load) run() {
	defer close(l.ended)
	began := time.Now()
	for i := 0; ; i++ {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(l.rate))
		select {
		case <-l.over:
			return
		case <-time.After(time.Until(due)):
		}
		k, r := l.pick(), rand.New(rand.NewPCG(l.rand.Uint64(), 2))
		l.mu.Lock()
		l.due++
		l.mu.Unlock()
		l.running.Go(func() { l.note(k.run(l, r), time.Since(due)) })
	}
}

func (l *load) pick() kind {
	sum := 0
	for _, k := range l.kinds {
		sum += k.share
	}
	n := l.rand.IntN(sum)
	for _, k := range l.kinds {
		if n -= k.share; n < 0 {
			return k
		}
	}
	return l.kinds[0]
}

func (l *load) note(err error, latency time.Duration) {
	word := endOf(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[word]++
	if word == "answered" {
		l.latencies = append(l.latencies, latency)
	} else if len(l.samples) < 10 {
		l.samples = append(l.samples, fmt.Sprintf("%s: %v", word, err))
	}
}

// endOf is the word for how a request ended.
func endOf(err error) string {
	var wrong *wrongAnswer
	switch {
	case err == nil:
		return "answered"
	case errors.Is(err, errClosedFirst):
		return "crossed"
	case errors.As(err, &wrong):
		return "wrong"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "cut"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "late"
	}
	return "failed"
}

// verdict is what became of all requests of a load.
type verdict struct {
	due, answered int
	ends          map[string]int // all but the answered
	samples       []string
	median, p99   time.Duration
	slowest       time.Duration
}

// stop ends the load and waits for what runs.
func (l *load) stop() verdict {
	close(l.over)
	<-l.ended
	l.running.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.idle {
		c.Close()
	}
	v := verdict{due: l.due, answered: l.ends["answered"], ends: l.ends, samples: l.samples}
	delete(v.ends, "answered")
	if n := len(l.latencies); n > 0 {
		slices.Sort(l.latencies)
		v.median, v.p99, v.slowest = l.latencies[n/2], l.latencies[n*99/100], l.latencies[n-1]
	}
	return v
}

func (v verdict) String() string {
	return fmt.Sprintf("%d requests, %d answered (median %v, 99 %% %v, slowest %v), others %v",
		v.due, v.answered, v.median.Round(time.Microsecond), v.p99.Round(time.Microsecond), v.slowest.Round(time.Millisecond),
		v.ends)
}

// clean fails the test unless each request was answered, apart from so many that may be lost: those that were running
// in a process that was killed.
func (v verdict) clean(t *testing.T, mayBeLost int) {
	t.Helper()
	t.Log(v)
	lost := 0
	for word, n := range v.ends {
		if word != "reset" && word != "cut" && word != "crossed" || mayBeLost == 0 {
			t.Errorf("%d requests %s", n, word)
		}
		lost += n
	}
	if v.due == 0 || v.answered+lost != v.due {
		t.Errorf("%d requests, %d answered and %d not", v.due, v.answered, lost)
	}
	if mayBeLost > 0 && lost > mayBeLost {
		t.Errorf("%d requests lost, at most %d were running in what was killed", lost, mayBeLost)
	}
	if t.Failed() {
		t.Logf("such as %q", v.samples)
	}
}

// inFlight is how many requests have begun and not ended.
func (l *load) inFlight() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	ended := 0
	for _, n := range l.ends {
		ended += n
	}
	return l.due - ended
}

// also counts requests that the test makes itself.
func (l *load) also(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due += n
}

// begun is how many requests have, so far.
func (l *load) begun() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.due
}

// answered is how many requests were, so far.
func (l *load) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ends["answered"]
}

func (l *load) connect() (*lane, error) {
	conn, err := net.Dial("tcp", l.addr)
	if err != nil {
		return nil, err
	}
	return &lane{Conn: conn, reader: bufio.NewReader(conn)}, conn.SetDeadline(time.Now().Add(patience))
}

// take returns a connection that waits, or a new one. One that the other side has ended meanwhile is dropped, as
// clients do that watch their connections.
func (l *load) take() (*lane, error) {
	for {
		l.mu.Lock()
		last := len(l.idle) - 1
		if last < 0 {
			l.mu.Unlock()
			return l.connect()
		}
		c := l.idle[last]
		l.idle = l.idle[:last]
		l.mu.Unlock()
		if !c.hasEnded() {
			return c, c.SetDeadline(time.Now().Add(patience))
		}
		c.Close()
	}
}

func (c *lane) hasEnded() (ended bool) {
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		ended = !errors.Is(err, syscall.EAGAIN)
	})
	return ended || err != nil
}

// put keeps a connection for another request.
func (l *load) put(c *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, c)
}

// seedOf is the seed of a random schedule: SEED of the environment, or another one each time, which is logged.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		if err != nil {
			t.Fatalf("SEED: %v", err)
		}
		seed = n
	}
	t.Logf("SEED=%d", seed)
	return seed
}
