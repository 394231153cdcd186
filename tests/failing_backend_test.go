package tests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fault is a way in which a backend fails a request that it has received whole.
type fault struct {
	name   string
	answer func(*visit, *message) bool
	// What the client sees when no other backend can help: the status and the errors of RFC 9209 §2.3 that tell why. A
	// status of 0 stands for a response that starts with 200 and is then visibly cut.
	status int
	errors []string
	// Whether a response byte came: then the request is never sent again.
	responded bool
}

var (
	terminated = []string{"connection_terminated", "http_response_incomplete"}
	late       = []string{"http_response_timeout", "connection_read_timeout"}
	invalid    = []string{"http_protocol_error"}
)

// Starts of responses.
const (
	ten     = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
	chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
)

var faults = []fault{
	{"reset before the response", reset(""), 502, terminated, false},
	{"end before the response", end(""), 502, terminated, false},
	{"silence", silence(""), 504, late, false},
	{"reset in the status line", reset("HTTP/1.1 20"), 502, terminated, true},
	{"end in the head", end("HTTP/1.1 200 OK\r\nContent-Le"), 502, terminated, true},
	{"silence in the head", silence("HTTP/1.1 200 OK\r\nContent-Le"), 504, late, true},
	{"end after 103", end("HTTP/1.1 103 Early Hints\r\n\r\n"), 502, terminated, true},
	{"another protocol", end("SSH-2.0-OpenSSH_9.2\r\n"), 502, invalid, true},
	{"no protocol", silence("\x15\x03\x01\x00\x02\x02\x50"), 502, invalid, true},
	{"two lengths", silence("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"), 502, invalid, true},
	{"half a body, then end", end(ten + "hello"), 0, nil, true},
	{"half a body, then reset", resetRead(ten + "hello"), 0, nil, true},
	{"half a body, then silence", silence(ten + "hello"), 0, nil, true},
	{"no last chunk, then end", end(chunked + "5\r\nhello\r\n"), 0, nil, true},
	{"half a chunk, then reset", resetRead(chunked + "a\r\nhello"), 0, nil, true},
	{"half a trailer, then end", end(chunked + "5\r\nhello\r\n0\r\nX: y"), 0, nil, true},
	{"a bad chunk", silence(chunked + "5\r\nhello\r\nzz\r\n"), 0, nil, true},
	{"a body until reset", resetRead("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"), 0, nil, true},
}

// applicable are the faults that backends of the present protocol can have. Of HTTP/2 there is no half of a head, and of what
// is malformed there is nothing but the error that a server makes of it.
func applicable() []fault {
	if *backends == "" {
		return faults
	}
	return slices.DeleteFunc(slices.Clone(faults), func(f fault) bool {
		return strings.Contains(f.name, "head") || strings.Contains(f.name, "status line") || slices.Equal(f.errors, invalid)
	})
}

func end(text string) func(*visit, *message) bool {
	return func(v *visit, _ *message) bool {
		v.send(text)
		return false
	}
}

func reset(text string) func(*visit, *message) bool {
	return func(v *visit, _ *message) bool {
		v.send(text)
		v.reset()
		return false
	}
}

// resetRead resets the connection once the client has seen something of the response.
func resetRead(text string) func(*visit, *message) bool {
	return func(v *visit, _ *message) bool {
		v.send(text)
		select {
		case <-v.backend.noticed:
		case <-time.After(patience):
		}
		v.reset()
		return false
	}
}

func silence(text string) func(*visit, *message) bool {
	return func(v *visit, _ *message) bool {
		v.send(text)
		v.hold()
		return false
	}
}

// impatient are the settings of a balancer whose time-outs a test can wait for.
func impatient(backends ...string) settings {
	return settings{backends: backends, responseTimeout: 300 * time.Millisecond, bodyTimeout: 300 * time.Millisecond}
}

// ask sends a request of its own id on a new connection and returns the response, or how it was cut. The backends
// watching are told of its bytes.
func (b *balancer) ask(t *testing.T, method, id string, watching ...*backend) (*message, error) {
	t.Helper()
	c := b.dial(t)
	defer c.Close()
	for _, w := range watching {
		drain(w.noticed)
		c.reader = bufio.NewReader(io.TeeReader(c.TCPConn, notice(w.noticed)))
	}
	if method == "GET" {
		c.send(head("GET", "/"+id, "X-Id: "+id))
	} else {
		c.send(head(method, "/"+id, "X-Id: "+id, "Content-Length: 4") + "body")
	}
	m, err := readMessage(c.reader, method)
	for err == nil && m.status() < 200 {
		m, err = readMessage(c.reader, method)
	}
	return m, err
}

// notice is a writer that notes that something was written.
type notice chan struct{}

func (n notice) Write(p []byte) (int, error) {
	select {
	case n <- struct{}{}:
	default:
	}
	return len(p), nil
}

func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// A backend that fails alone: the client is told, with the reason, and a POST was executed once.
func TestFailureOfTheOnlyBackend(t *testing.T) {
	t.Parallel()
	for _, f := range applicable() {
		for _, method := range []string{"GET", "POST"} {
			t.Run(f.name+" "+method, func(t *testing.T) {
				t.Parallel()
				back := startBackend(t, serve(f.answer))
				b := start(t, impatient(back.addr))
				f.judge(t, b, back, method, "1")
			})
		}
	}
}

// judge sends a request to a backend that must fail it.
func (f *fault) judge(t *testing.T, b *balancer, back *backend, method, id string) {
	t.Helper()
	m, err := b.ask(t, method, id, back)
	if f.status == 0 {
		expectCut(t, m, err)
	} else if m == nil || err != nil || m.status() != f.status {
		t.Errorf("got %v, %v; want %d", m, err, f.status)
	} else {
		expectReason(t, m, f.errors)
	}
	limit := 1
	if method == "GET" && !f.responded {
		limit = 3
	}
	if n := back.executions(id); n < 1 || n > limit {
		t.Errorf("executed %d times, want at most %d", n, limit)
	}
}

// expectCut demands that a response is visibly incomplete, never a clean end (RFC 9112 §8); or 502 instead, where
// nothing of the response was on its way yet.
func expectCut(t *testing.T, m *message, err error) {
	t.Helper()
	if m != nil && err == nil && m.status() == 502 {
		expectReason(t, m, slices.Concat(terminated, invalid))
		return
	}
	if m == nil || m.status() != 200 || err == nil || errors.Is(err, errNotCanonical) {
		t.Errorf("got %v, %v; want a response of 200 that is cut", m, err)
		return
	}
	if body := string(m.body); !strings.HasPrefix("hello", body) {
		t.Errorf("body %q, want no more than came", body)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("the cut response was left hanging: %v", err)
	}
}

var proxyStatus = regexp.MustCompile(`^lb; ?error=([a-z_]+)`)

// expectReason demands a Proxy-Status with one of the errors (RFC 9209 §2.1.2).
func expectReason(t *testing.T, m *message, reasons []string) {
	t.Helper()
	if *peer != "" {
		return
	}
	value, _ := m.field("Proxy-Status")
	match := proxyStatus.FindStringSubmatch(value)
	if match == nil || !slices.Contains(reasons, match[1]) {
		t.Errorf("%s with Proxy-Status %q, want an error of %q", m.start, value, reasons)
	}
}

// Beside a good backend: what may be repeated is repeated there and succeeds; what may not is executed once.
func TestFailureBesideAGoodBackend(t *testing.T) {
	t.Parallel()
	for _, f := range applicable() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			bad, good := startBackend(t, serve(f.answer)), startBackend(t, serve(ok))
			b := start(t, impatient(bad.addr, good.addr))
			failed := map[string]int{}
			for i := range 4 {
				for _, method := range []string{"GET", "POST"} {
					failed[method] += f.judgeBeside(t, b, bad, good, method, fmt.Sprintf("%s%d", method, i))
				}
			}
			if failed["GET"]+failed["POST"] == 0 {
				t.Error("the bad backend was never asked")
			}
		})
	}
}

// judgeBeside sends one request and returns 1 when the bad backend got it.
func (f *fault) judgeBeside(t *testing.T, b *balancer, bad, good *backend, method, id string) (hit int) {
	t.Helper()
	m, err := b.ask(t, method, id, bad)
	atBad, atGood := bad.executions(id), good.executions(id)
	repeatable := method == "GET" && !f.responded
	switch {
	case atBad > 1 || atGood > 1:
		t.Errorf("%s %s: executed %d times by the bad one and %d times by the good one", method, id, atBad, atGood)
	case atBad == 0 || repeatable:
		if m == nil || err != nil || m.status() != 200 || atGood != 1 {
			t.Errorf("%s %s: got %v, %v; want 200 from the good backend", method, id, m, err)
		}
	case atGood != 0:
		t.Errorf("%s %s: executed by both backends", method, id)
	case f.status == 0:
		expectCut(t, m, err)
	case m == nil || err != nil || m.status() != f.status:
		t.Errorf("%s %s: got %v, %v; want %d", method, id, m, err, f.status)
	}
	return atBad
}

// Nothing was sent to a backend that refuses the connection: any request may go to another one.
func TestRefusedConnectionCostsNoRequest(t *testing.T) {
	t.Parallel()
	good := startBackend(t, serve(ok))
	b := start(t, impatient(refusing(t), good.addr, refusing(t)))
	for i := range 12 {
		for _, method := range []string{"GET", "POST", "PATCH", "PUT"} {
			id := method + strconv.Itoa(i)
			if m, err := b.ask(t, method, id); err != nil || m.status() != 200 || good.executions(id) != 1 {
				t.Errorf("%s: %v, %v; executed %d times", id, m, err, good.executions(id))
			}
		}
	}
}

func refusing(t *testing.T) (addr string) {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
}

func TestAllBackendsRefuse(t *testing.T) {
	t.Parallel()
	b := start(t, impatient(refusing(t), refusing(t)))
	for i := range 4 {
		m, err := b.ask(t, "POST", strconv.Itoa(i))
		if err != nil || m.status() != 502 && m.status() != 503 {
			t.Fatalf("got %v, %v; want 502 or 503", m, err)
		}
		expectReason(t, m, []string{"connection_refused", "destination_unavailable"})
	}
}

// The client's connection survives an answer of lb's own: the fault was not the client's.
func TestConnectionSurvivesABackendFailure(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	back := startBackend(t, serve(func(v *visit, m *message) bool {
		if calls.Add(1) == 1 {
			v.reset()
			return false
		}
		return ok(v, m)
	}))
	b := start(t, impatient(back.addr))
	c := b.dial(t)
	c.send(head("POST", "/", "Content-Length: 4") + "body")
	if m := c.response("POST"); m.status() != 502 {
		t.Errorf("got %q, want 502", m.start)
	}
	c.roundTrip("GET", "/").expect(t, 200, "ok")
}

// An answer that comes before the whole body was sent is the answer (RFC 9112 §9.3): it is relayed, not turned into
// 502.
func TestEarlyAnswerToALargeUpload(t *testing.T) {
	t.Parallel()
	back := startBackend(t, func(v *visit) {
		if v.head() {
			v.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
			v.CloseWrite()
			v.hold()
		}
	})
	b := start(t, settings{backends: []string{back.addr}})
	c := b.dial(t)
	go func() {
		io.WriteString(c.TCPConn, head("POST", "/", "Content-Length: 1000000000"))
		io.Copy(struct{ io.Writer }{c.TCPConn}, struct{ io.Reader }{newPattern(1e9)})
	}()
	c.response("POST").expect(t, 413, "no")
}
