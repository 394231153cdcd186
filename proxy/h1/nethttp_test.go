package h1_test

// The fuzz targets hold this codec against that of net/http: whatever is accepted here must be accepted there, and mean
// the same.

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"testing"

	"lb/proxy/semantics"
)

// compareRequest demands that net/http takes what we take, and reads the same in it. It knows no lists of codings, no
// higher minor versions, and no targets that are not quite URIs.
func compareRequest(t *testing.T, head []byte, r *semantics.Request) {
	t.Helper()
	_, err := url.ParseRequestURI(string(r.Target))
	if err != nil || string(r.Method) == http.MethodConnect || !plain(r.Fields) {
		return
	}
	theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", head, err)
	}
	if theirs.Method != string(r.Method) || theirs.RequestURI != string(r.Target) {
		t.Fatalf("net/http reads %s %s", theirs.Method, theirs.RequestURI)
	}
	if r.Authority == nil && theirs.Host != string(r.Host) {
		t.Fatalf("net/http reads host %q, not %q", theirs.Host, r.Host)
	}
	if theirs.ContentLength != r.Length {
		t.Fatalf("net/http reads length %d, not %d", theirs.ContentLength, r.Length)
	}
	compareFields(t, theirs.Header, r.Fields)
}

// plain reports whether the fields hold nothing that net/http has a narrower mind about than the RFC.
func plain(fields []semantics.Field) bool {
	for i := range fields {
		switch f := &fields[i]; {
		case f.Kind == semantics.TransferEncoding && !semantics.EqualFold(f.Value, "chunked"), f.Kind == semantics.Trailer:
			return false
		}
	}
	return true
}

func compareFields(t *testing.T, theirs http.Header, ours []semantics.Field) {
	t.Helper()
	for i := range ours {
		f := &ours[i]
		if f.Kind == semantics.Other && !slices.Contains(theirs.Values(string(f.Name)), string(f.Value)) {
			t.Fatalf("net/http reads %q, not %q, in %s", theirs.Values(string(f.Name)), f.Value, f.Name)
		}
	}
}

func compareResponse(t *testing.T, head []byte, r *semantics.Response, toHead bool) {
	t.Helper()
	if !plain(r.Fields) {
		return
	}
	request := &http.Request{Method: http.MethodGet}
	if toHead {
		request.Method = http.MethodHead
	}
	theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), request)
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", head, err)
	}
	if theirs.StatusCode != r.Status {
		t.Fatalf("net/http reads status %d, not %d", theirs.StatusCode, r.Status)
	}
	if r.Length > 0 && theirs.ContentLength != r.Length || r.Length == semantics.Chunked && theirs.TransferEncoding == nil {
		t.Fatalf("net/http reads length %d %q, not %d", theirs.ContentLength, theirs.TransferEncoding, r.Length)
	}
	if r.KeepAlive && theirs.Close && r.Version == semantics.HTTP11 {
		t.Fatal("net/http does not keep the connection")
	}
	compareFields(t, theirs.Header, r.Fields)
}

var (
	paddedExtension = regexp.MustCompile(`[ \t];`)
	tooMuchFraming  = "chunked encoding contains too much non-data"
)

// compareChunks demands that net/http reads the same data. It takes no white space before an extension, and less
// framing.
func compareChunks(t *testing.T, input, data []byte) {
	t.Helper()
	theirs, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(input)))
	if err != nil && (err.Error() == tooMuchFraming || paddedExtension.Match(input)) {
		return
	}
	if err != nil || !bytes.Equal(theirs, data) {
		t.Fatalf("net/http reads %q, %v, not %q", theirs, err, data)
	}
}
