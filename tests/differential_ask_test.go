package tests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// contestant is a proxy that is asked about the cases, on each of its tracks one at a time.
type contestant struct {
	name   string
	tracks []*track
}

// track is an address of a proxy and a backend behind it that nobody else uses.
type track struct {
	*wireBed
	addr   string
	settle time.Duration // shortest quiet that means something: for those that do not work in the order of events
}

// contestants starts lb, nginx, HAProxy and Go's proxy, each with one thread but the last one.
func contestants(t *testing.T) []*contestant {
	t.Helper()
	const tracksOfGo = 8
	fronts := []struct {
		name  string
		start func(t *testing.T, backend string) (addr string)
	}{
		{"lb", frontLB}, {"nginx", frontNginx}, {"haproxy", frontHAProxy},
	}
	var all []*contestant
	for _, f := range fronts {
		all = append(all, &contestant{f.name, []*track{newTrack(t, f.start, 0)}})
	}
	var tracks []*track
	for range tracksOfGo {
		tracks = append(tracks, newTrack(t, frontGo, 20*time.Millisecond))
	}
	return append(all, &contestant{"go", tracks})
}

func newTrack(t *testing.T, start func(t *testing.T, backend string) string, settle time.Duration) *track {
	t.Helper()
	l := &track{wireBed: new(wireBed), settle: settle}
	l.now.Store(new(wireCase))
	l.back = startBackend(t, serve(l.answer))
	l.addr = start(t, l.back.addr)
	return l
}

func frontLB(t *testing.T, backend string) string {
	t.Helper()
	return start(t, settings{backends: []string{backend}, args: []string{"-l", "err"}}).addr
}

func frontNginx(t *testing.T, backend string) string {
	t.Helper()
	port := freePort(t)
	conf := nginxProxy(settings{backends: []string{backend}}, port)
	return startServer(t, port, "nginx", "-p", t.TempDir(), "-c", configFile(t, conf))
}

func frontHAProxy(t *testing.T, backend string) string {
	t.Helper()
	port := freePort(t)
	conf := haproxy(settings{backends: []string{backend}}, port)
	changes := strings.NewReplacer("global\n", "global\n\tnbthread 1\n", "\toption abortonclose\n", "")
	return startServer(t, port, "haproxy", "-f", configFile(t, changes.Replace(conf)))
}

// frontGo serves with net/http's Server, and forwards with its Transport.
func frontGo(t *testing.T, backend string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := log.New(io.Discard, "", 0)
	s := &http.Server{ErrorLog: silent, Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: backend})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{DisableCompression: true},
		ErrorLog:  silent,
	}}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// opinion is what a proxy makes of a case.
type opinion struct {
	whole    int      // requests that the backend saw to their end
	relayed  int      // answers of the backend that the client saw to their end
	content  []string // of both: methods and statuses with bodies
	statuses []string
	end      string
}

// String is "1: 200 400": one whole request was forwarded.
func (o *opinion) String() string {
	words := append([]string{strconv.Itoa(o.whole) + ":"}, o.statuses...)
	return strings.TrimSpace(strings.Join(append(words, o.end), " "))
}

// takesMore reports whether o lets something pass that other does not.
func (o *opinion) takesMore(other *opinion) bool {
	return o.whole > other.whole || o.relayed > other.relayed
}

// asking is a connection on which a case is sent, and what came back so far.
type asking struct {
	*net.TCPConn
	c        *wireCase
	sent     atomic.Bool  // all of the case
	received atomic.Int64 // bytes
	ended    chan struct{}

	mu      sync.Mutex
	answers []*message
	broken  error // of the message behind the last answer, or of that one's body
}

// ask sends the case as it is, and waits until nothing more happens.
func (l *track) ask(c *wireCase) (*opinion, error) {
	before := l.turn(c)
	dialed, err := net.Dial("tcp", l.addr)
	if err != nil {
		return nil, err
	}
	conn := dialed.(*net.TCPConn)
	defer conn.Close()
	a := &asking{TCPConn: conn, c: c, ended: make(chan struct{})}
	go a.read()
	go func() {
		defer a.sent.Store(true)
		sendInPieces(&client{TCPConn: conn}, c, 0)
	}()
	if err := l.quiet(a, before); err != nil {
		return nil, err
	}
	o := l.opinion(a, before)
	conn.Close()
	<-a.ended
	return o, l.fenceOff()
}

// Read counts bytes on their way to the reader of messages.
func (a *asking) Read(p []byte) (int, error) {
	n, err := a.TCPConn.Read(p)
	a.received.Add(int64(n))
	return n, err
}

// read takes answers until one is broken, the connection ends or becomes a tunnel.
func (a *asking) read() {
	defer close(a.ended)
	reader := bufio.NewReader(a)
	for finals := 0; ; {
		m, err := readMessage(reader, a.c.methodOf(finals))
		if m != nil {
			a.mu.Lock()
			a.answers, a.broken = append(a.answers, m), err
			a.mu.Unlock()
		}
		if err != nil || m.status() == http.StatusSwitchingProtocols {
			io.Copy(io.Discard, reader)
			return
		}
		if m.status() >= http.StatusOK {
			finals++
		}
	}
}

func (a *asking) open() bool {
	select {
	case <-a.ended:
		return false
	default:
		return true
	}
}

// quiet waits until, for three fences in a row, neither a byte nor a message has come to either side. A proxy with one
// thread has then done all that it can do without hearing more.
func (l *track) quiet(a *asking, before map[*visit]int) error {
	const fences = 3
	deadline, since, last := time.Now().Add(patience), time.Now(), progress{}
	for same := 0; same < fences || time.Since(since) < l.settle; same++ {
		if err := l.fenceOff(); err != nil {
			return err
		}
		now := l.progress(a, before)
		if now != last || now.busy {
			same, since, last = 0, time.Now(), now
		}
		if time.Now().After(deadline) {
			return errors.New("it does not come to rest")
		}
	}
	return nil
}

// progress is how far a case has come.
type progress struct {
	received int64 // bytes that the client has
	messages int   // whole ones that the backend has
	partial  int   // bytes at the backend that are no whole message
	ended    bool  // the client's connection
	busy     bool  // the case is not sent, or something waits in a socket of ours
}

func (l *track) progress(a *asking, before map[*visit]int) progress {
	p := progress{received: a.received.Load(), ended: !a.open()}
	p.busy = !a.sent.Load() || !p.ended && unread(a.TCPConn)
	l.back.mu.Lock()
	defer l.back.mu.Unlock()
	for _, v := range l.back.visits {
		p.messages += len(casesOwn(v.messages[before[v]:]))
		if v.failure == nil {
			p.partial += v.raw.Len() - v.parsed
			p.busy = p.busy || v.pending()
		}
	}
	return p
}

// casesOwn are the messages but the fences.
func casesOwn(all []*message) (own []*message) {
	for _, m := range all {
		if m.target() != fenceTarget {
			own = append(own, m)
		}
	}
	return own
}

// fenceOff has a request of its own answered: the proxy then has done what it was asked before.
func (l *track) fenceOff() error {
	conn, err := net.Dial("tcp", l.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, head("GET", fenceTarget))
	m, err := readMessage(bufio.NewReader(conn), "GET")
	if err != nil || m.status() != http.StatusOK {
		return fmt.Errorf("it serves no more: %v: %w", m, err)
	}
	return nil
}

// opinion tells what has come of the case.
func (l *track) opinion(a *asking, before map[*visit]int) *opinion {
	o := new(opinion)
	l.back.mu.Lock()
	for _, v := range l.back.visits {
		for _, m := range casesOwn(v.messages[before[v]:]) {
			method, _, _ := strings.Cut(m.start, " ")
			o.whole++
			o.content = append(o.content, method+" "+string(m.body))
		}
	}
	l.back.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, m := range a.answers {
		o.answered(a.c, m, a.broken != nil && i == len(a.answers)-1)
	}
	if len(o.statuses) == 0 && !a.open() {
		o.end = "closed"
	}
	return o
}

// answered adds an answer. Interim ones say nothing of what is let pass, but for the one that begins a tunnel.
func (o *opinion) answered(c *wireCase, m *message, broken bool) {
	status := m.status()
	switch {
	case status == 0:
		o.end = "garbled"
		return
	case status < http.StatusOK && status != http.StatusSwitchingProtocols:
		return
	}
	o.statuses = append(o.statuses, strconv.Itoa(status))
	switch {
	case broken:
		o.end = "cut"
	case c.backendSays(status):
		o.relayed++
		o.content = append(o.content, strconv.Itoa(status)+" "+string(m.body))
	}
}

// backendSays reports whether a status is the backend's, and not a proxy's own.
func (c *wireCase) backendSays(status int) bool {
	if c.response == "" {
		return status == http.StatusOK
	}
	return strings.Contains(c.response, fmt.Sprintf(" %d", status))
}
