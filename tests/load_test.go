package tests

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A load is requests at a fixed rate, whatever becomes of the ones before: each has a time at which it is due, and its
// latency runs from that. Who waits with a request until another one is answered does not notice how long it was not served.
// What kind of request comes when is decided by a seed.
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

// mixture is the usual one.
var mixture = []kind{
	{50, (*load).keptAlive},
	{30, (*load).newConnection},
	{12, (*load).post},
	{4, (*load).slowDownload},
	{4, (*load).webSocket},
}

// errClosedFirst is the end of a kept connection before a byte of the answer: the request and the end have crossed. Clients
// send a GET again then (RFC 9112 §9.3.1); who closes connections as lb promises gives them no occasion to.
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

// clean fails the test unless each request was answered, apart from so many that may be lost: those that were running in a
// process that was killed.
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

// take returns a connection that waits, or a new one. One that the other side has ended meanwhile is dropped, as clients do
// that watch their connections.
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

// wrongAnswer is one that came whole and is not what was asked for.
type wrongAnswer struct{ what string }

func (w *wrongAnswer) Error() string { return w.what }

// exchange sends a request and checks the answer; keep says whether the connection may be used again.
func (c *lane) exchange(request string, check func(body []byte) bool) (keep bool, err error) {
	reused := c.used > 0
	c.used++
	if _, err := io.WriteString(c, request); err != nil {
		return false, crossed(err, reused)
	}
	if _, err := c.reader.Peek(1); err != nil {
		return false, crossed(err, reused)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return false, err
	}
	if response.StatusCode != 200 || !check(body) {
		return false, &wrongAnswer{fmt.Sprintf("%s with %d bytes: %.100q", response.Status, len(body), body)}
	}
	return !response.Close, nil
}

// crossed tells the end of a connection that had served before from other failures.
func crossed(err error, reused bool) error {
	if reused && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %w", errClosedFirst, err)
	}
	return err
}

func isOK(body []byte) bool { return string(body) == "ok" }

func (l *load) keptAlive(*rand.Rand) error {
	c, err := l.take()
	if err != nil {
		return err
	}
	keep, err := c.exchange("GET / HTTP/1.1\r\nHost: test\r\n\r\n", isOK)
	if err == nil && keep {
		l.put(c)
		return nil
	}
	c.Close()
	return err
}

func (l *load) newConnection(*rand.Rand) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.exchange("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", isOK)
	return err
}

// post sends a body of up to 64 KiB, whose hash comes back.
func (l *load) post(r *rand.Rand) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	body := make([]byte, 1+r.IntN(64<<10))
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	sum := sha256.Sum256(body)
	request := "POST /hash HTTP/1.1\r\nHost: test\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + string(body)
	_, err = c.exchange(request, func(got []byte) bool { return string(got) == hex.EncodeToString(sum[:]) })
	return err
}

// slowPieces are what a slow download consists of, with a pause after each.
const (
	slowPieces = 20
	slowPause  = 25 * time.Millisecond
)

var slowBody = bytes.Repeat([]byte("0123456789abcdef"), slowPieces*64)

func (l *load) slowDownload(*rand.Rand) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.exchange("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n", func(body []byte) bool { return bytes.Equal(body, slowBody) })
	return err
}

// webSocket is a tunnel in which a few messages come back as they are.
func (l *load) webSocket(r *rand.Rand) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /tunnel HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return &wrongAnswer{response.Status}
	}
	for range 5 {
		text := fmt.Sprintf("message %d\n", r.Uint64())
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
		echo, err := c.reader.ReadString('\n')
		if err != nil {
			return err
		}
		if echo != text {
			return &wrongAnswer{fmt.Sprintf("echo %q of %q", echo, text)}
		}
		time.Sleep(slowPause)
	}
	return nil
}

// loadBackend is a server of what a load asks for.
type loadBackend struct {
	*http.Server
	open atomic.Int64 // connections that speak HTTP
}

func startLoadBackend(t *testing.T) *loadBackend {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("/hash", func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		if _, err := io.Copy(hash, r.Body); err == nil {
			io.WriteString(w, hex.EncodeToString(hash.Sum(nil)))
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) { sendSlowly(w) })
	mux.HandleFunc("/tunnel", echoTunnel)
	server := &loadBackend{Server: &http.Server{Addr: listener.Addr().String(), Handler: mux}}
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			server.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			server.open.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	var running sync.WaitGroup
	running.Go(func() { server.Serve(listener) })
	t.Cleanup(func() {
		server.Close()
		running.Wait()
	})
	return server
}

func sendSlowly(w http.ResponseWriter) {
	for piece := range slices.Chunk(slowBody, len(slowBody)/slowPieces) {
		if _, err := w.Write(piece); err != nil {
			return
		}
		http.NewResponseController(w).Flush()
		time.Sleep(slowPause)
	}
}

func echoTunnel(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	for {
		line, err := buffered.ReadString('\n')
		if err != nil {
			return
		}
		io.WriteString(conn, line)
	}
}

// loadBackends are the addresses of so many backends of a load.
func loadBackends(t *testing.T, n int) (addrs []string) {
	t.Helper()
	for range n {
		addrs = append(addrs, startLoadBackend(t).Addr)
	}
	return addrs
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
