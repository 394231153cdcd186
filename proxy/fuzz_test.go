package proxy

// Whatever one side sends and lb takes, the other side gets one canonical message, in which our parser and that of
// net/http read the same.

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// hasNoLimit is for what was within its limits before something was added to it.
var hasNoLimit = h1.Limits{HeadBytes: 1 << 30, TargetBytes: 1 << 30, Fields: 1 << 20}

// maxAdded bounds what forwarding adds to a head, in bytes, apart from a second copy of the client's host.
const maxAdded = 512

func FuzzForwardRequest(f *testing.F) {
	for _, head := range []string{
		"GET /a//b/../%41?x=%zz HTTP/1.1\nhOsT: a\nX-b: 2\nCookie: x\nX-B: 1\nCookie: y\n",
		"POST / HTTP/1.1\nHost: a\nConnection: close, X-One, x-TWO\nX-One: 1\nTransfer-Encoding: chunked\nTrailer: X\n",
		"GET / HTTP/1.1\nHost: a\nTE: gzip;q=0.5, trailers\nConnection: TE, Upgrade\nUpgrade: websocket\n",
		"GET / HTTP/1.1\nHost: a\nUpgrade: h2c, a\nConnection: Upgrade\nHTTP2-Settings: x\n",
		"PUT / HTTP/1.0\nExpect: 100-continue\nContent-Length: 3\nKeep-Alive: 1\n",
		"GET http://a?y HTTP/1.1\nHost: evil\nX-Request-Id: 1\nX-Request-Id: 2\n",
		"OPTIONS https://[::1]:1 HTTP/1.1\nHost:\nMax-Forwards: 010\nProxy-Connection: x\n",
		"GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1,2.2.2.2\nX-Forwarded-For:\nX-Forwarded-Host: c\nForwarded: for=x\n" +
			"X-Forwarded-Proto: https\nX-Forwarded-Port: 1\nVia: 1.1 x\nDate: now\n",
	} {
		f.Add([]byte(strings.ReplaceAll(head+"\n", "\n", "\r\n")), false, false, false)
		f.Add([]byte(strings.ReplaceAll(head+"\n", "\n", "\r\n")), true, true, true)
	}
	f.Fuzz(func(t *testing.T, input []byte, trusted, renamed, identified bool) {
		var came semantics.Request
		n, err := h1.ParseRequest(input, &came, &h1.Limits{})
		if n == 0 || err != nil || !goesOn(&came) {
			return
		}
		to := route{peer: netip.MustParseAddr("2001:db8::1"), backend: []byte("b:80"), trusted: trusted}
		if renamed {
			to.host = to.backend
		}
		if identified {
			to.id = []byte("an-id")
		}
		before := bytes.Clone(input)
		sent := came
		sent.Fields = slices.Clone(came.Fields)
		forward := forwarder{}
		out := requestHead(&sent, forward.request(&sent, &to))
		if !bytes.Equal(input, before) {
			t.Fatalf("what was read is changed: %q, was %q", input, before)
		}
		if len(out) > n+len(came.Host)+len(came.Authority)+maxAdded {
			t.Fatalf("%d bytes became %d: %q", n, len(out), out)
		}
		checkForwardedRequest(t, out, &came, &to)
	})
}

// goesOn reports whether a request is forwarded at all: see Serve.
func goesOn(r *semantics.Request) bool {
	left, given := maxForwards(r.Fields)
	m := semantics.MethodOf(r.Method)
	bounded := m == semantics.MethodOptions || m == semantics.MethodTrace
	return m != semantics.MethodConnect && !isLooping(r) && !(bounded && given && left == 0)
}

// requestHead is a head as it goes to a backend by HTTP/1.1.
func requestHead(r *semantics.Request, target []byte) []byte {
	return finished(h1.AppendRequestLine(nil, r.Method, target), r.Fields, r.Length)
}

func finished(out []byte, fields []semantics.Field, length int64) []byte {
	for i := range fields {
		out = h1.AppendField(out, fields[i].Name, fields[i].Value)
	}
	if length < 0 {
		out = h1.AppendFieldString(out, "Transfer-Encoding", "chunked")
	}
	return append(out, "\r\n"...)
}

func checkForwardedRequest(t *testing.T, out []byte, came *semantics.Request, to *route) {
	t.Helper()
	var is semantics.Request
	if n, err := h1.ParseRequest(out, &is, &hasNoLimit); n != len(out) || err != nil {
		t.Fatalf("%d of %d bytes can be read, %v: %q", n, len(out), err, out)
	}
	if !bytes.Equal(is.Method, came.Method) || is.Length != came.Length || is.Expect != came.Expect || !is.KeepAlive ||
		is.Version != semantics.HTTP11 || is.TrailersYes != came.TrailersYes || is.Upgrade != offersUpgrade(came) {
		t.Fatalf("%q is read as %+v, came as %+v", out, is, came)
	}
	asterisk := string(is.Target) == "*" && string(is.Method) == "OPTIONS"
	if is.Authority != nil || !asterisk && is.Target[0] != '/' || !bytes.HasSuffix(is.Target, came.Path) {
		t.Fatalf("target %q, came as %q", is.Target, came.Target)
	}
	if got, want := string(is.Host), hostFor(came, to); got != want {
		t.Fatalf("host %q, want %q", got, want)
	}
	checkPassedOn(t, is.Fields, came.Fields, "max-forwards")
	checkWords(t, is.Fields, came.Fields, to)
	compareRequest(t, out, &is)
}

func hostFor(r *semantics.Request, to *route) string {
	switch {
	case to.host != nil:
		return string(to.host)
	case len(r.Authority) > 0:
		return string(r.Authority)
	case len(r.Host) > 0:
		return string(r.Host)
	}
	return string(to.backend)
}

// ofOneHop are the fields of RFC 9110 §7.6.1, and the one that it names beside them.
var ofOneHop = []semantics.Kind{
	semantics.Connection, semantics.KeepAlive, semantics.ProxyConnection, semantics.TE, semantics.TransferEncoding,
	semantics.Upgrade,
}

// checkPassedOn demands that all fields that are meant for the other side are there as they came, in their order, and none
// of those that are not; but for one whose value changes.
func checkPassedOn(t *testing.T, is, came []semantics.Field, changing string) {
	t.Helper()
	ours := func(fields []semantics.Field) (list []string) {
		for i := range fields {
			switch f := &fields[i]; {
			case f.HopByHop || f.Kind == semantics.Connection, f.Kind == semantics.TransferEncoding:
			case semantics.EqualFold(f.Name, changing):
				list = append(list, string(f.Name))
			case f.Kind == semantics.Other, f.Kind == semantics.ContentLength, f.Kind == semantics.Trailer,
				f.Kind == semantics.KeepAlive, f.Kind == semantics.ProxyConnection:
				list = append(list, fmt.Sprintf("%s: %s", f.Name, f.Value))
			}
		}
		return list
	}
	want := slices.DeleteFunc(slices.Clone(came), func(f semantics.Field) bool {
		return f.HopByHop || slices.Contains(ofOneHop, f.Kind)
	})
	if got, want := ours(is), ours(want); !slices.Equal(got, want) {
		t.Fatalf("passed on %q\nof %q", got, want)
	}
}

// checkWords demands that nobody speaks of the client but us and whom we trust.
func checkWords(t *testing.T, is, came []semantics.Field, to *route) {
	t.Helper()
	was := func(k semantics.Kind) []string {
		if !to.trusted {
			return nil
		}
		return values(came, k)
	}
	said := append(was(semantics.XForwardedFor), to.peer.String())
	if got, want := elements(values(is, semantics.XForwardedFor)), elements(said); !slices.Equal(got, want) {
		t.Fatalf("X-Forwarded-For says %q, want %q", got, want)
	}
	if proto := was(semantics.XForwardedProto); proto == nil {
		if got := values(is, semantics.XForwardedProto); !slices.Equal(got, []string{"http"}) {
			t.Fatalf("X-Forwarded-Proto says %q", got)
		}
	}
	for _, k := range []semantics.Kind{semantics.Forwarded, semantics.XForwardedOther} {
		if got, want := values(is, k), was(k); !slices.Equal(got, want) {
			t.Fatalf("kind %d says %q, want %q", k, got, want)
		}
	}
	if got := values(is, semantics.XForwardedHost); !to.trusted && len(got) > 1 {
		t.Fatalf("X-Forwarded-Host says %q", got)
	}
	if got := values(is, semantics.XRequestID); len(to.id) > 0 && !slices.Equal(got, []string{string(to.id)}) {
		t.Fatalf("X-Request-Id says %q", got)
	}
	if got := values(is, semantics.Via); len(got) != len(values(came, semantics.Via))+1 {
		t.Fatalf("Via says %q", got)
	}
}

func values(fields []semantics.Field, k semantics.Kind) (list []string) {
	for i := range fields {
		if fields[i].Kind == k {
			list = append(list, string(fields[i].Value))
		}
	}
	return list
}

// elements of lists as a backend takes them apart that knows no quotes.
func elements(lists []string) (all []string) {
	for _, e := range strings.Split(strings.Join(lists, ","), ",") {
		if e = strings.Trim(e, " \t"); e != "" {
			all = append(all, e)
		}
	}
	return all
}

func FuzzForwardResponse(f *testing.F) {
	for _, head := range []string{
		"HTTP/1.1 200 OK\nContent-Length: 3\nSet-Cookie: a\nset-cookie: b\nConnection: X, close\nX: 1\nDate: now\n",
		"HTTP/1.1 200 \nTransfer-Encoding: chunked\nTrailer: a\nKeep-Alive: timeout=5\n", "HTTP/1.0 404 No\nServer: x\n",
		"HTTP/1.1 204 No Content\nContent-Length: 0\n", "HTTP/1.1 304 Not Modified\nContent-Length: 9\nVia: 1.0 x\n",
		"HTTP/1.1 103 Early Hints\nLink: </a>\nUpgrade: b\n",
	} {
		f.Add([]byte(strings.ReplaceAll(head+"\n", "\n", "\r\n")), false)
		f.Add([]byte(strings.ReplaceAll(head+"\n", "\n", "\r\n")), true)
	}
	f.Fuzz(func(t *testing.T, input []byte, toHead bool) {
		var came semantics.Response
		n, err := h1.ParseResponse(input, &came, toHead, &h1.Limits{})
		if n == 0 || err != nil || came.Status == 101 {
			return
		}
		sent := came
		sent.Fields = slices.Clone(came.Fields)
		forward := forwarder{}
		forward.response(&sent, []byte("Thu, 01 Jan 1970 00:00:00 GMT"))
		out := finished(h1.AppendStatusLine(nil, sent.Status, sent.Reason), sent.Fields, sent.Length)
		if len(out) > n+maxAdded {
			t.Fatalf("%d bytes became %d: %q", n, len(out), out)
		}
		checkForwardedResponse(t, out, &came, toHead)
	})
}

func checkForwardedResponse(t *testing.T, out []byte, came *semantics.Response, toHead bool) {
	t.Helper()
	var is semantics.Response
	if n, err := h1.ParseResponse(out, &is, toHead, &hasNoLimit); n != len(out) || err != nil {
		t.Fatalf("%d of %d bytes can be read, %v: %q", n, len(out), err, out)
	}
	length := came.Length
	if length == semantics.UntilClose {
		length = semantics.Chunked
	}
	if is.Status != came.Status || is.Length != length || is.Version != semantics.HTTP11 || !is.KeepAlive {
		t.Fatalf("%q is read as %+v, came as %+v", out, is, came)
	}
	if came.Reason != nil && !bytes.Equal(is.Reason, came.Reason) || is.HasDate != (came.HasDate || came.Status >= 200) {
		t.Fatalf("%q is read as %+v, came as %+v", out, is, came)
	}
	fields := slices.DeleteFunc(slices.Clone(came.Fields), func(f semantics.Field) bool {
		return f.Kind == semantics.ContentLength && neverLong(came.Status)
	})
	checkPassedOn(t, is.Fields, fields, "")
	if got := values(is.Fields, semantics.Via); len(got) != len(values(came.Fields, semantics.Via))+1 {
		t.Fatalf("Via says %q", got)
	}
	compareResponse(t, out, &is, toHead)
}
