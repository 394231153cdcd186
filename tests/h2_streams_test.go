package tests

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// What a server that goes away has not looked at, it never executes: a POST may be sent elsewhere (RFC 9113 §6.8).
func TestGoAwayLeavesRequestsUnsent(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	var connections atomic.Int64
	back := startStreams(t, nil, func(s *streams) {
		first := connections.Add(1) == 1
		for r := s.request(); r != nil; r = s.request() {
			if first {
				s.WriteGoAway(0, http2.ErrCodeNo, nil)
				s.hold()
				return
			}
			s.ok(r.id, r.value(":method"))
		}
	})
	b := start(t, settings{backends: []string{back}})
	c := b.dial(t)
	c.send(head("POST", "/", "Content-Length: 5") + "hello")
	c.response("POST").expect(t, 200, "POST")
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections, want a second one", n)
	}
}

// RFC 9113 §8.7: a refused stream was not processed.
func TestRefusedStreamIsSentAgain(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	refusals := 0
	back := startStreams(t, nil, func(s *streams) {
		for r := s.request(); r != nil; r = s.request() {
			if refusals++; refusals%2 == 1 {
				s.WriteRSTStream(r.id, http2.ErrCodeRefusedStream)
				continue
			}
			s.ok(r.id, "served")
		}
	})
	c := start(t, settings{backends: []string{back}}).dial(t)
	for range 5 {
		c.send(head("POST", "/", "Content-Length: 5") + "hello")
		c.response("POST").expect(t, 200, "served")
	}
}

// The server's limit holds from the first request on: those above it get connections of their own.
func TestLimitOfStreams(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	const limit, clients = 3, 30
	var here sync.WaitGroup
	here.Add(clients)
	back := startH2C(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here.Done()
		here.Wait() // until all are here, none goes
		io.WriteString(w, r.Proto)
	}), limit)
	b := start(t, settings{backends: []string{back}, args: []string{"--health-type", "off"}})
	var running sync.WaitGroup
	for range clients {
		running.Go(func() { b.get(t, "/").expect(t, 200, "HTTP/2.0") })
	}
	running.Wait()
}

// A client that leaves ends its stream; the connection serves on.
func TestClientThatLeavesCancelsItsStream(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	begun, cancelled := make(chan uint32, 1), make(chan http2.ErrCode, 1)
	back := startStreams(t, nil, func(s *streams) {
		s.next(func(f http2.Frame) bool {
			switch f := f.(type) {
			case *http2.MetaHeadersFrame:
				if f.PseudoValue("path") == "/leave" {
					s.head(f.StreamID, false, ":status", "200")
					begun <- f.StreamID
				} else {
					s.ok(f.StreamID, "here")
				}
			case *http2.RSTStreamFrame:
				cancelled <- f.ErrCode
			}
			return false
		})
		close(cancelled)
	})
	b := start(t, settings{backends: []string{back}})
	stays, leaves := b.dial(t), b.dial(t)
	stays.roundTrip("GET", "/").expect(t, 200, "here")
	leaves.send(head("GET", "/leave"))
	<-begun
	leaves.SetLinger(0)
	leaves.Close()
	select {
	case code, open := <-cancelled:
		if !open || code != http2.ErrCodeCancel {
			t.Errorf("the stream ended with %s (connection open: %v), want CANCEL", code, open)
		}
	case <-time.After(patience):
		t.Error("the backend does not learn that the client has left")
	}
	stays.roundTrip("GET", "/").expect(t, 200, "here")
}

// A client that does not read stops its own stream and nothing else, and costs no more memory than the window.
func TestSlowReaderStopsItsStreamOnly(t *testing.T) {
	lbOnly(t)
	const slow = 20
	back := startH2C(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/endless" {
			io.WriteString(w, "quick")
			return
		}
		for block := make([]byte, 64<<10); r.Context().Err() == nil; {
			w.Write(block)
		}
	}))
	b := start(t, settings{backends: []string{back}})
	for range slow {
		c := b.dial(t)
		c.SetReadBuffer(64 << 10)
		c.send(head("GET", "/endless"))
		if line, err := readLine(c.reader); line != "HTTP/1.1 200 OK" {
			t.Fatal(line, err)
		}
	}
	quick := b.dial(t)
	for range 500 {
		quick.roundTrip("GET", "/quick").expect(t, 200, "quick")
	}
	b.expectMemory(t, 60<<20)
}

// Fields, trailers and interim responses pass in both directions.
func TestMessagesPassOverHTTP2(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startH2C(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(103)
		w.Header().Set("X-Sum", "no")
		w.Header().Set("Trailer", "X-After")
		fmt.Fprintf(w, "%s %s %s %s %q %q", r.Proto, r.Host, r.Header.Get("Cookie"), body, r.Trailer, r.Header.Get("Te"))
		// Otherwise the server would count the bytes, and HTTP/1 has no trailers behind a length.
		http.NewResponseController(w).Flush()
		w.Header().Set("X-After", "yes")
	}))
	c := start(t, settings{backends: []string{back}}).dial(t)
	for range 3 {
		c.send(head("POST", "/trailers", "Cookie: a=b; c=d", "TE: trailers", "Connection: TE", "Trailer: X-In",
			"Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\nX-In: 1\r\n\r\n")
		if m := c.response("POST"); m.status() != 103 {
			t.Fatalf("first came %v, want the 103", m)
		}
		m := c.response("POST")
		m.expect(t, 200, `HTTP/2.0 test a=b; c=d hello map["X-In":["1"]] "trailers"`)
		if got := strings.Join(m.trailers, ","); got != "x-after: yes" {
			t.Errorf("trailers %q", got)
		}
	}
}

// RFC 9113 §8.6: there is no upgrade in HTTP/2; the request goes on without.
func TestUpgradeIsNotOfferedOverHTTP2(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startH2C(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q", r.Header.Get("Upgrade"), r.Header.Get("Connection"))
	}))
	c := start(t, settings{backends: []string{back}}).dial(t)
	c.roundTrip("GET", "/", "Connection: upgrade", "Upgrade: websocket").expect(t, 200, `"" ""`)
}

// Expect: 100-continue works end to end (RFC 9110 §10.1.1): the body waits for the backend's word.
func TestExpectContinueOverHTTP2(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startStreams(t, nil, func(s *streams) {
		for r := s.request(); r != nil; r = s.request() {
			if r.value("expect") != "100-continue" || r.ended {
				s.ok(r.id, "not asked")
				continue
			}
			if r.value(":path") == "/refused" {
				s.head(r.id, true, ":status", "417")
				continue
			}
			s.head(r.id, false, ":status", "100")
			s.next(func(f http2.Frame) bool {
				d, isData := f.(*http2.DataFrame)
				if isData {
					s.ok(r.id, string(d.Data()))
				}
				return isData
			})
		}
	})
	b := start(t, settings{backends: []string{back}, args: []string{"--health-type", "off"}})
	c := b.dial(t)
	for range 3 {
		c.send(head("PUT", "/", "Content-Length: 5", "Expect: 100-continue"))
		if m := c.response("PUT"); m.status() != 100 {
			t.Fatalf("got %v before the body was sent, want 100", m)
		}
		c.send("hello")
		c.response("PUT").expect(t, 200, "hello")
	}
	c.send(head("PUT", "/refused", "Content-Length: 5", "Expect: 100-continue"))
	if m := c.response("PUT"); m.status() != 417 {
		t.Errorf("got %v, want 417 at once", m)
	}
}

// The end of lb waits for the streams that run.
func TestDrainFinishesStreams(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	begun, gate := make(chan struct{}), make(chan struct{})
	back := startH2C(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "first ")
		http.NewResponseController(w).Flush()
		close(begun)
		<-gate
		io.WriteString(w, "last")
	}))
	b := start(t, settings{backends: []string{back}, args: []string{"--health-type", "off"}})
	c := b.dial(t)
	c.send(head("GET", "/"))
	<-begun
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return strings.Contains(b.stdout.String(), "draining") }, b.exited) {
		t.Fatal("it does not drain")
	}
	close(gate)
	c.response("GET").expect(t, 200, "first last")
	c.Close()
	select {
	case <-b.exited:
	case <-time.After(patience):
		t.Error("it does not end")
	}
}
