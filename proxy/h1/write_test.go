package h1_test

import (
	"net/http"
	"testing"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

func TestStatusLine(t *testing.T) {
	for _, c := range []struct {
		status int
		reason []byte
		want   string
	}{
		{200, nil, "HTTP/1.1 200 OK\r\n"},
		{200, []byte("Fine"), "HTTP/1.1 200 Fine\r\n"},
		{200, []byte{}, "HTTP/1.1 200 \r\n"},
		{502, nil, "HTTP/1.1 502 Bad Gateway\r\n"},
		{299, nil, "HTTP/1.1 299 \r\n"},
		{999, nil, "HTTP/1.1 999 \r\n"},
	} {
		if got := string(h1.AppendStatusLine(nil, c.status, c.reason)); got != c.want {
			t.Errorf("%d %q: %q, want %q", c.status, c.reason, got, c.want)
		}
	}
}

// RFC 9110 §16.2.1: the phrases are those of the registry, as net/http has them too.
func TestPhrasesAreThoseOfTheRegistry(t *testing.T) {
	// What RFC 9110 named anew (§15.5.14, §15.5.21), net/http names as of old.
	renamed := map[int]string{413: "Content Too Large", 422: "Unprocessable Content"}
	for status := 100; status < 600; status++ {
		want := http.StatusText(status)
		switch {
		case renamed[status] != "":
			want = renamed[status]
		case status == 414:
			want = "URI Too Long" // §15.5.15
		case status == 416:
			want = "Range Not Satisfiable" // §15.5.17
		case status == 418 || status == 510: // unused (§15.5.19), obsolete
			want = ""
		}
		if got := string(h1.AppendStatusLine(nil, status, nil)); got[len("HTTP/1.1 200 "):] != want+"\r\n" {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestChunkHeads(t *testing.T) {
	for n, want := range map[int]string{
		1: "1\r\n", 9: "9\r\n", 10: "a\r\n", 15: "f\r\n", 16: "10\r\n", 255: "ff\r\n", 256: "100\r\n", 65536: "10000\r\n",
		1<<31 - 1: "7fffffff\r\n",
	} {
		if got := string(h1.AppendChunkHead(nil, n)); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// RFC 9110 §6.5.1: what steers routing, framing, authentication or the reading of content may not come late.
func TestTrailersLeaveOutWhatMustNotComeLate(t *testing.T) {
	var fields []semantics.Field
	for _, name := range []string{
		"Grpc-Status", "Host", "Content-Length", "Transfer-Encoding", "Trailer", "TE", "Connection", "Authorization", "Set-Cookie",
		"Content-Type", "CONTENT-ENCODING", "Cache-Control", "Range", "X-Forwarded-For", "Via", "Expect", "Digest", "ETag",
	} {
		fields = append(fields, semantics.Field{Name: []byte(name), Value: []byte("v"), Kind: semantics.KindOf([]byte(name))})
	}
	fields = append(fields, semantics.Field{Name: []byte("X-Hop"), HopByHop: true})
	want := "0\r\nGrpc-Status: v\r\nDigest: v\r\nETag: v\r\n\r\n"
	if got := string(h1.AppendTrailers(nil, fields)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := string(h1.AppendTrailers([]byte("x"), fields[1:2])); got != "x"+h1.LastChunk {
		t.Errorf("with none left: %q", got)
	}
}

// A head is worth parsing again for a new line feed, which alone can complete it, or when it is too long.
func TestWorthParsing(t *testing.T) {
	lim := &h1.Limits{HeadBytes: 16}
	for _, c := range []struct {
		b    string
		had  int
		want bool
	}{
		{"", 0, true},
		{"G", 0, true},
		{"GET", 2, false},
		{"GET /\r", 5, false},
		{"GET /\r\n", 6, true},
		{"A\nB", 2, false},
		{"GET /1234567890", 10, false},
		{"GET /12345678901", 15, false},
		{"GET /123456789012", 15, true},
	} {
		if got := h1.WorthParsing([]byte(c.b), c.had, lim); got != c.want {
			t.Errorf("%q after %d: %v", c.b, c.had, got)
		}
	}
}

func TestNewBodyPanicsOnALengthThatIsNone(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a body of -3 bytes was made")
		}
	}()
	h1.NewBody(semantics.UntilClose - 1)
}
