package proxy

import (
	"net/netip"
	"strings"
	"testing"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// forwarded is a request head as a backend sees it, with \n for line ends.
func forwarded(t *testing.T, head string, to route) string {
	t.Helper()
	r, limits := semantics.Request{}, h1.Limits{}
	text := []byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n")
	if n, err := h1.ParseRequest(text, &r, &limits); n != len(text) || err != nil {
		t.Fatalf("%q: %d, %v", head, n, err)
	}
	f := forwarder{}
	target := f.request(&r, &to)
	out := h1.AppendRequestLine(nil, r.Method, target)
	for i := range r.Fields {
		out = h1.AppendField(out, r.Fields[i].Name, r.Fields[i].Value)
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

// added is what every request from the client of these tests gets.
const added = "Via: 1.1 lb\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: http\nX-Forwarded-Host: a\n"

func TestRequestAsABackendSeesIt(t *testing.T) {
	to := route{peer: netip.MustParseAddr("192.0.2.1"), backend: []byte("b:80")}
	for _, c := range []struct{ what, head, want string }{
		{
			"order, case, duplicates and the target stay as they are",
			"GET /a//b/../%41?x=%zz HTTP/1.1\nhOsT: a\nX-b: 2\nCookie: x\nX-B: 1\nCookie: y\n",
			"GET /a//b/../%41?x=%zz HTTP/1.1\nhOsT: a\nX-b: 2\nCookie: x\nX-B: 1\nCookie: y\n" + added,
		},
		{
			"what belongs to one connection ends here, with all that Connection names",
			"GET / HTTP/1.1\nHost: a\nConnection: close, X-One, x-TWO\nX-One: 1\nKeep-Alive: x\n" +
				"Proxy-Connection: x\nX-Two: 2\nTE: gzip\nX-Three: 3\n",
			"GET / HTTP/1.1\nHost: a\nX-Three: 3\n" + added,
		},
		{
			"Connection takes nothing that is meant for all (RFC 9110 §7.6.1)",
			"POST / HTTP/1.1\nHost: a\nConnection: host, content-length, x-forwarded-for\nContent-Length: 3\n",
			"POST / HTTP/1.1\nHost: a\nContent-Length: 3\n" + added,
		},
		{
			"the framing of a chunked body is made anew",
			"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: X\n",
			"POST / HTTP/1.1\nHost: a\nTrailer: X\n" + added,
		},
		{
			"who can take trailers says so, on this connection too (RFC 9110 §10.1.4)",
			"GET / HTTP/1.1\nHost: a\nTE: gzip;q=0.5, trailers\nConnection: TE\n",
			"GET / HTTP/1.1\nHost: a\n" + added + "TE: trailers\nConnection: TE\n",
		},
		{
			"an offer to change the protocol",
			"GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: keep-alive, Upgrade\nSec-WebSocket-Key: x\n",
			"GET / HTTP/1.1\nHost: a\nSec-WebSocket-Key: x\n" + added + "Connection: upgrade\nUpgrade: websocket\n",
		},
		{
			"no offer: Connection does not name it",
			"GET / HTTP/1.1\nHost: a\nUpgrade: websocket\n",
			"GET / HTTP/1.1\nHost: a\n" + added,
		},
		{
			"no offer: a body is on its way",
			"POST / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: upgrade\nContent-Length: 1\n",
			"POST / HTTP/1.1\nHost: a\nContent-Length: 1\n" + added,
		},
		{
			"no offer: HTTP/2 in clear text would pass all that looks at requests",
			"GET / HTTP/1.1\nHost: a\nUpgrade: websocket, H2C\nConnection: Upgrade, HTTP2-Settings\nHTTP2-Settings: x\n",
			"GET / HTTP/1.1\nHost: a\n" + added,
		},
		{
			"no offer: HTTP/1.0 knows none",
			"GET / HTTP/1.0\nHost: a\nUpgrade: websocket\nConnection: upgrade\n",
			"GET / HTTP/1.1\nHost: a\n" + strings.Replace(added, "1.1", "1.0", 1),
		},
		{
			"an expectation of HTTP/1.0 is none (RFC 9110 §10.1.1)",
			"POST / HTTP/1.0\nHost: a\nExpect: 100-continue\nContent-Length: 1\n",
			"POST / HTTP/1.1\nHost: a\nContent-Length: 1\n" + strings.Replace(added, "1.1", "1.0", 1),
		},
		{
			"an expectation goes on",
			"POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 1\n",
			"POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 1\n" + added,
		},
		{
			"HTTP/1.0 without Host gets that of the backend, in the first place",
			"GET / HTTP/1.0\nX: 1\n",
			"GET / HTTP/1.1\nHost: b:80\nX: 1\nVia: 1.0 lb\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: http\n",
		},
		{
			"absolute-form: its authority is the host (RFC 9112 §3.2.2)",
			"GET http://a/x?y HTTP/1.1\nHost: evil\n",
			"GET /x?y HTTP/1.1\nHost: a\n" + added,
		},
		{"absolute-form without a path", "GET http://a HTTP/1.1\nHost: a\n", "GET / HTTP/1.1\nHost: a\n" + added},
		{"absolute-form with a query only", "GET http://a?y HTTP/1.1\nHost: a\n", "GET /?y HTTP/1.1\nHost: a\n" + added},
		{
			"absolute-form without a path is an asterisk for OPTIONS (RFC 9112 §3.2.4)",
			"OPTIONS http://a HTTP/1.1\nHost: a\n", "OPTIONS * HTTP/1.1\nHost: a\n" + added,
		},
		{
			"each intermediary takes one off (RFC 9110 §7.6.2)",
			"OPTIONS / HTTP/1.1\nHost: a\nMax-Forwards: 10\n", "OPTIONS / HTTP/1.1\nHost: a\nMax-Forwards: 9\n" + added,
		},
		{
			"Max-Forwards has no meaning to GET",
			"GET / HTTP/1.1\nHost: a\nMax-Forwards: 0\n", "GET / HTTP/1.1\nHost: a\nMax-Forwards: 0\n" + added,
		},
		{
			"who is not trusted speaks for nobody else",
			"GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 6.6.6.6\nForwarded: for=6.6.6.6\nX-Forwarded-Proto: https\n" +
				"X-Forwarded-Host: evil\nX-Forwarded-Port: 443\nVia: 1.1 x\n",
			"GET / HTTP/1.1\nHost: a\nVia: 1.1 x\n" + added,
		},
	} {
		if got := forwarded(t, c.head, to); got != c.want {
			t.Errorf("%s:\n%s\ngot\n%s\nwant\n%s", c.what, c.head, got, c.want)
		}
	}
}

func TestTrustedPeerSpeaksForOthers(t *testing.T) {
	to := route{peer: netip.MustParseAddr("2001:db8::1"), trusted: true, backend: []byte("b:80")}
	for head, want := range map[string]string{
		"GET / HTTP/1.1\nHost: a\n": "Via: 1.1 lb\nX-Forwarded-For: 2001:db8::1\nX-Forwarded-Proto: http\n" +
			"X-Forwarded-Host: a\n",
		"GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\nX-Forwarded-Proto: https\n" +
			"X-Forwarded-Host: c\nForwarded: for=x\n": "X-Forwarded-For: 1.1.1.1\n" +
			"X-Forwarded-For: 2.2.2.2, 3.3.3.3, 2001:db8::1\nX-Forwarded-Proto: https\nX-Forwarded-Host: c\nForwarded: for=x\nVia: 1.1 lb\n",
		"GET / HTTP/1.1\nHost: a\nX-Forwarded-For:\n": "X-Forwarded-For: \nVia: 1.1 lb\nX-Forwarded-For: 2001:db8::1\n" +
			"X-Forwarded-Proto: http\nX-Forwarded-Host: a\n",
	} {
		if got := forwarded(t, head, to); got != "GET / HTTP/1.1\nHost: a\n"+want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", head, got, want)
		}
	}
}

func TestHostOfTheBackendAndRequestID(t *testing.T) {
	to := route{peer: netip.MustParseAddr("192.0.2.1"), host: []byte("b"), backend: []byte("b"), id: []byte("7")}
	got := forwarded(t, "GET / HTTP/1.1\nX-Request-ID: 6\nHost: a\n", to)
	want := "GET / HTTP/1.1\nHost: b\nVia: 1.1 lb\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: http\n" +
		"X-Request-Id: 7\nX-Forwarded-Host: a\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestResponseAsAClientSeesIt(t *testing.T) {
	for _, c := range []struct{ what, head, want string }{
		{
			"order, case and duplicates stay as they are",
			"HTTP/1.1 200 Fine\nSet-Cookie: a\nDATE: x\nset-cookie: b\nContent-Length: 1\n",
			"Set-Cookie: a\nDATE: x\nset-cookie: b\nContent-Length: 1\nVia: 1.1 lb\n",
		},
		{
			"what belongs to one connection ends here",
			"HTTP/1.1 200 OK\nConnection: X-One\nX-One: 1\nKeep-Alive: x\nTransfer-Encoding: chunked\nUpgrade: h2c\nDate: x\n",
			"Date: x\nVia: 1.1 lb\n",
		},
		{"a Date is made if there is none (RFC 9110 §6.6.1)", "HTTP/1.0 200 OK\n", "Date: now\nVia: 1.0 lb\n"},
		{"an interim response has none", "HTTP/1.1 103 Early Hints\nLink: x\n", "Link: x\nVia: 1.1 lb\n"},
		{
			"no length where none may be (RFC 9110 §8.6)",
			"HTTP/1.1 204 No\nContent-Length: 0\nDate: x\n", "Date: x\nVia: 1.1 lb\n",
		},
		{
			"304 keeps that of its 200",
			"HTTP/1.1 304 No\nContent-Length: 9\nDate: x\n", "Content-Length: 9\nDate: x\nVia: 1.1 lb\n",
		},
	} {
		r, limits := semantics.Response{}, h1.Limits{}
		text := []byte(strings.ReplaceAll(c.head, "\n", "\r\n") + "\r\n")
		if n, err := h1.ParseResponse(text, &r, false, &limits); n != len(text) || err != nil {
			t.Fatalf("%q: %d, %v", c.head, n, err)
		}
		f := forwarder{}
		f.response(&r, []byte("now"))
		var out []byte
		for i := range r.Fields {
			out = h1.AppendField(out, r.Fields[i].Name, r.Fields[i].Value)
		}
		if got := strings.ReplaceAll(string(out), "\r\n", "\n"); got != c.want {
			t.Errorf("%s:\n%s\ngot\n%s\nwant\n%s", c.what, c.head, got, c.want)
		}
	}
}
