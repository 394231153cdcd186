package tests

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// startPair starts a balancer in front of one scripted backend.
func startPair(t *testing.T, answer func(v *visit, m *message) bool) (*balancer, *backend) {
	t.Helper()
	back := startBackend(t, serve(answer))
	return start(t, settings{backends: []string{back.addr}}), back
}

// answers sends the same bytes for each request.
func answers(text string) func(*visit, *message) bool {
	return func(v *visit, _ *message) bool {
		v.send(text)
		return true
	}
}

func TestResponsesWithoutBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, status, fields string }{
		{"HEAD", "200 OK", "Content-Length: 1000\r\n"},
		{"HEAD", "200 OK", "Transfer-Encoding: chunked\r\n"},
		{"HEAD", "404 Not Found", ""},
		{"GET", "204 No Content", ""},
		{"GET", "304 Not Modified", "ETag: \"x\"\r\nContent-Length: 1000\r\n"},
		{"GET", "200 OK", "Content-Length: 0\r\n"},
		{"DELETE", "204 No Content", ""},
	} {
		t.Run(c.method+" "+c.status+" "+strings.TrimSpace(c.fields), func(t *testing.T) {
			t.Parallel()
			b, back := startPair(t, answers("HTTP/1.1 "+c.status+"\r\n"+c.fields+"\r\n"))
			conn := b.dial(t)
			for range 3 { // the connection stays in step: no response has a body to wait for
				m := conn.roundTrip(c.method, "/")
				if want := "HTTP/1.1 " + c.status; m.start != want || len(m.body) > 0 {
					t.Errorf("got %q, %q; want %q and no body", m.start, m.body, want)
				}
			}
			if n := back.connections(); n != 1 && *peer == "" && *backends == "" {
				t.Errorf("%d connections to the backend for 3 requests in turn, want 1", n)
			}
		})
	}
}

func TestHeadKeepsTheLengthOfItsGet(t *testing.T) {
	t.Parallel()
	b, _ := startPair(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"))
	if got, _ := b.dial(t).roundTrip("HEAD", "/").field("Content-Length"); got != "1000" {
		t.Errorf("Content-Length %q, want 1000 (RFC 9110 §8.6)", got)
	}
}

func TestInterimResponsesAreRelayed(t *testing.T) {
	t.Parallel()
	b, _ := startPair(t, func(v *visit, m *message) bool {
		v.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
		v.send("HTTP/1.1 102 Processing\r\n\r\n")
		return ok(v, m)
	})
	peerDiffers(t, "nginx", "drops interim responses")
	c := b.dial(t)
	c.send(head("GET", "/"))
	m := c.response("GET")
	if link, _ := m.field("Link"); m.status() != 103 || link != "</a.css>; rel=preload" {
		t.Errorf("first came %v, want the 103 with its Link", m)
	}
	if m := c.response("GET"); m.status() != 102 {
		t.Errorf("then came %v, want the 102", m)
	}
	c.response("GET").expect(t, 200, "ok")
	c.roundTrip("GET", "/").expectInterim(t)
}

// expectInterim checks that the connection is in step: the next request gets its own interim response first.
func (m *message) expectInterim(t *testing.T) {
	t.Helper()
	if m.status() != 103 {
		t.Errorf("the next request got %q first, want its own 103", m.start)
	}
}

// RFC 9110 §15.2: a client of HTTP/1.0 has no interim responses.
func TestInterimResponsesAreNotSentToHTTP10(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	b, _ := startPair(t, func(v *visit, m *message) bool {
		v.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
		return ok(v, m)
	})
	c := b.dial(t)
	c.send("GET / HTTP/1.0\r\n\r\n")
	c.response("GET").expect(t, 200, "ok")
}

// expecting reads heads only, and does after each what the function says.
func expecting(after func(v *visit)) func(*visit) {
	return func(v *visit) {
		for v.head() {
			after(v)
		}
	}
}

func TestExpectContinueWaitsForTheBackend(t *testing.T) {
	t.Parallel()
	peerDiffers(t, "nginx", "answers 100 by itself")
	back := startBackend(t, expecting(func(v *visit) {
		v.send("HTTP/1.1 100 Continue\r\n\r\n")
		body := make([]byte, 5)
		if _, err := io.ReadFull(v.reader, body); err == nil {
			v.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + string(body))
		}
	}))
	b := start(t, settings{backends: []string{back.addr}})
	c := b.dial(t)
	for range 2 {
		c.send(head("PUT", "/", "Content-Length: 5", "Expect: 100-continue"))
		if m := c.response("PUT"); m.start != "HTTP/1.1 100 Continue" {
			t.Fatalf("got %q before the body was sent, want 100", m.start)
		}
		c.send("hello")
		c.response("PUT").expect(t, 200, "hello")
	}
}

// RFC 9110 §10.1.1: a final status instead of 100 tells the client to keep its body.
func TestExpectContinueRefusedByTheBackend(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"417 Expectation Failed", "413 Content Too Large", "200 OK"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			peerDiffers(t, "nginx", "answers 100 by itself")
			back := startBackend(t, expecting(func(v *visit) {
				v.send("HTTP/1.1 " + status + "\r\nContent-Length: 2\r\n\r\nno")
			}))
			c := start(t, settings{backends: []string{back.addr}}).dial(t)
			c.send(head("PUT", "/", "Content-Length: 5", "Expect: 100-continue"))
			if m := c.response("PUT"); m.start != "HTTP/1.1 "+status || string(m.body) != "no" {
				t.Errorf("got %q %q, want %s at once", m.start, m.body, status)
			}
		})
	}
}

// A backend that says neither 100 nor anything else is the one who is late, also where bodies have less time than responses.
func TestExpectContinueOfASilentBackend(t *testing.T) {
	t.Parallel()
	peerDiffers(t, "nginx", "answers 100 by itself")
	peerDiffers(t, "haproxy", "has other limits")
	one := startBackend(t, expecting((*visit).hold))
	two := startH2C(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	for _, back := range []string{one.addr, two} {
		b := start(t, settings{
			backends: []string{back}, bodyTimeout: 100 * time.Millisecond, responseTimeout: 500 * time.Millisecond,
		})
		c := b.dial(t)
		c.send(head("POST", "/", "Content-Length: 5", "Expect: 100-continue"))
		m := c.response("POST")
		if status, _ := m.field("Proxy-Status"); m.status() != 504 || !strings.Contains(status, "http_response_timeout") {
			t.Errorf("%s: got %s, Proxy-Status %q, want 504: the client was not asked for its body", back, m.start, status)
		}
	}
}

// Who was told to go on, and does not, is late himself.
func TestExpectContinueOfASilentClient(t *testing.T) {
	t.Parallel()
	peerDiffers(t, "nginx", "answers 100 by itself")
	peerDiffers(t, "haproxy", "has other limits")
	back := startBackend(t, expecting(func(v *visit) {
		v.send("HTTP/1.1 100 Continue\r\n\r\n")
		v.hold()
	}))
	b := start(t, settings{
		backends: []string{back.addr}, bodyTimeout: 100 * time.Millisecond, responseTimeout: patience,
	})
	c := b.dial(t)
	c.send(head("POST", "/", "Content-Length: 5", "Expect: 100-continue"))
	if m := c.response("POST"); m.status() != 100 {
		t.Fatalf("got %s, want 100", m.start)
	}
	if m := c.response("POST"); m.status() != 408 {
		t.Errorf("got %s, want 408", m.start)
	}
}

// A client that does not wait for 100 (RFC 9110 §10.1.1 allows it) is served all the same.
func TestExpectContinueWithTheBodyAtOnce(t *testing.T) {
	t.Parallel()
	b, back := startPair(t, ok)
	c := b.dial(t)
	c.send(head("PUT", "/put", "Content-Length: 5", "Expect: 100-continue") + "hello")
	m := c.response("PUT")
	if m.status() == 100 {
		m = c.response("PUT")
	}
	m.expect(t, 200, "ok")
	if got := back.last("/put"); got == nil || string(got.body) != "hello" {
		t.Errorf("the backend got %v, want the body", got)
	}
	c.roundTrip("GET", "/").expect(t, 200, "ok")
}

func TestHTTP10Clients(t *testing.T) {
	t.Parallel()
	peerDiffers(t, "haproxy", "forwards the client's version")
	b, back := startPair(t, ok)
	c := b.dial(t)
	c.send("GET /close HTTP/1.0\r\n\r\n")
	m := c.response("GET")
	m.expect(t, 200, "ok")
	if m.hasToken("Connection", "keep-alive") || !c.ended() {
		t.Error("without keep-alive, the connection of an HTTP/1.0 client ends with its response (RFC 9112 §9.3)")
	}
	c = b.dial(t)
	for range 3 {
		c.send("GET /keep HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n")
		m := c.response("GET")
		m.expect(t, 200, "ok")
		if !m.hasToken("Connection", "keep-alive") {
			t.Fatalf("an HTTP/1.0 client that asked for keep-alive is told in %q", m.fields)
		}
	}
	if got := back.last("/keep"); got == nil || !strings.HasSuffix(got.start, " HTTP/1.1") {
		t.Errorf("the backend got %v, want a request in lb's own version (RFC 9110 §2.5)", got)
	}
}

// RFC 9112 §6.1: chunked is not for an HTTP/1.0 client; what has no length ends with the connection.
func TestHTTP10ClientGetsNoChunks(t *testing.T) {
	t.Parallel()
	peerDiffers(t, "haproxy", "forwards the client's version")
	b, _ := startPair(t, answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"))
	for _, fields := range []string{"", "Connection: keep-alive\r\n"} {
		c := b.dial(t)
		c.send("GET / HTTP/1.0\r\n" + fields + "\r\n")
		m := c.response("GET")
		m.expect(t, 200, "hello world")
		if m.framing != "close" || m.hasToken("Connection", "keep-alive") {
			t.Errorf("framing %s with %q, want until close", m.framing, m.fields)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	b, _ := startPair(t, func(v *visit, m *message) bool {
		body := m.target() + string(m.body)
		v.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		return true
	})
	var all, want strings.Builder
	for i := range 20 {
		if i%3 == 2 {
			all.WriteString(head("POST", fmt.Sprintf("/%d", i), "Content-Length: 4") + "body")
			fmt.Fprintf(&want, "/%dbody,", i)
		} else {
			all.WriteString(head("GET", fmt.Sprintf("/%d", i)))
			fmt.Fprintf(&want, "/%d,", i)
		}
	}
	c := b.dial(t)
	c.send(all.String())
	var got strings.Builder
	for range 20 {
		got.WriteString(string(c.response("GET").body) + ",")
	}
	if got.String() != want.String() {
		t.Errorf("got  %s\nwant %s", got.String(), want.String())
	}
}

func TestRequestSentOneByteAtATime(t *testing.T) {
	t.Parallel()
	b, back := startPair(t, ok)
	c := b.dial(t)
	request := head("POST", "/slow", "X-A: b", "Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\n\r\n"
	for _, b := range []byte(request) {
		c.send(string(b))
	}
	c.response("POST").expect(t, 200, "ok")
	if got := back.last("/slow"); got == nil || string(got.body) != "hello" {
		t.Errorf("the backend got %v", got)
	}
}

func TestResponseSentOneByteAtATime(t *testing.T) {
	t.Parallel()
	b, _ := startPair(t, func(v *visit, _ *message) bool {
		for _, b := range []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n") {
			v.send(string(b))
		}
		return true
	})
	c := b.dial(t)
	for range 2 {
		c.roundTrip("GET", "/").expect(t, 200, "hello")
	}
}

func TestTrailersPassInBothDirections(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	b, back := startPair(t, answers("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"2\r\nok\r\n0\r\nX-Sum: 7\r\nX-Other: 8\r\n\r\n"))
	c := b.dial(t)
	for range 2 {
		c.send(head("POST", "/trailers", "TE: trailers", "Connection: TE", "Trailer: X-In",
			"Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\nX-In: 1\r\nX-In: 2\r\n\r\n")
		m := c.response("POST")
		m.expect(t, 200, "ok")
		if got := strings.Join(m.trailers, ","); got != "X-Sum: 7,X-Other: 8" {
			t.Errorf("trailers of the response %q", got)
		}
		if got := back.last("/trailers"); got == nil || strings.Join(got.trailers, ",") != "X-In: 1,X-In: 2" {
			t.Errorf("the backend got %v", got)
		}
	}
}

func TestResponseUntilClose(t *testing.T) {
	t.Parallel()
	b, _ := startPair(t, func(v *visit, _ *message) bool {
		v.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of ")
		v.send("it")
		return false
	})
	for range 3 {
		b.get(t, "/").expect(t, 200, "all of it")
	}
}

// RFC 9112 §9.6 lets a client close its sending side early: it still wants its answer.
func TestHalfClosedClientGetsItsAnswer(t *testing.T) {
	peerDiffers(t, "haproxy", "is told to take a client's FIN for an abort")
	t.Parallel()
	gate := make(chan struct{})
	b, _ := startPair(t, func(v *visit, m *message) bool {
		select {
		case <-gate:
		case <-time.After(patience):
		}
		return ok(v, m)
	})
	c := b.dial(t)
	c.send(head("POST", "/", "Content-Length: 5") + "hello")
	c.CloseWrite()
	close(gate)
	c.response("POST").expect(t, 200, "ok")
	if !c.ended() {
		t.Error("the connection goes on after the client's FIN")
	}
}
