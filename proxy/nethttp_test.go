package proxy

// The fuzz targets hold what is forwarded against net/http: it takes the same message for the same, and finds its end in
// the same place.

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// maxFollowed is the longest body that is written behind a head.
const maxFollowed = 1 << 12

// body is one of the length that a head announces; ok is false when that would be too long.
func body(length int64) (b []byte, ok bool) {
	if length >= 0 {
		return bytes.Repeat([]byte("0\r\n"), int(min(length, maxFollowed)))[:min(length, maxFollowed)], length <= maxFollowed
	}
	for _, chunk := range []string{"0\r\n\r\n", "x"} {
		b = append(append(h1.AppendChunkHead(b, len(chunk)), chunk...), "\r\n"...)
	}
	return append(b, h1.LastChunk...), true
}

// compareRequest demands that net/http reads the head as we do, and the next request behind its body. What it has a
// narrower mind about than the RFC is left out: targets that are not quite URIs, and the names in Trailer.
func compareRequest(t *testing.T, head []byte, r *semantics.Request) {
	t.Helper()
	if _, err := url.ParseRequestURI(string(r.Target)); err != nil || len(values(r.Fields, semantics.Trailer)) > 0 {
		return
	}
	b, ok := body(r.Length)
	stream := bufio.NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(b),
		bytes.NewReader([]byte("GET /next HTTP/1.1\r\nHost: next\r\n\r\n"))))
	theirs, err := http.ReadRequest(stream)
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", head, err)
	}
	if theirs.Method != string(r.Method) || theirs.RequestURI != string(r.Target) || theirs.Host != string(r.Host) {
		t.Fatalf("net/http reads %s %s for %q", theirs.Method, theirs.RequestURI, theirs.Host)
	}
	if theirs.ContentLength != r.Length || theirs.Close {
		t.Fatalf("net/http reads length %d, not %d, close %v", theirs.ContentLength, r.Length, theirs.Close)
	}
	compareFields(t, theirs.Header, r.Fields)
	if !ok {
		return
	}
	_, _ = io.Copy(io.Discard, theirs.Body)
	if next, err := http.ReadRequest(stream); err != nil || next.RequestURI != "/next" {
		t.Fatalf("behind %q net/http reads %+v, %v", head, next, err)
	}
}

// compareFields demands that net/http reads the same values of each name in the same order.
func compareFields(t *testing.T, theirs http.Header, ours []semantics.Field) {
	t.Helper()
	want := http.Header{}
	for i := range ours {
		if f := &ours[i]; f.Kind == semantics.Other {
			want.Add(string(f.Name), string(f.Value))
		}
	}
	for name, list := range want {
		if name != "Pragma" && fmt.Sprintf("%q", theirs[name]) != fmt.Sprintf("%q", list) { // it makes Cache-Control of Pragma
			t.Fatalf("net/http reads %q, not %q, in %s", theirs[name], list, name)
		}
	}
}

// compareResponse is compareRequest for a response.
func compareResponse(t *testing.T, head []byte, r *semantics.Response, toHead bool) {
	t.Helper()
	if len(values(r.Fields, semantics.Trailer)) > 0 {
		return
	}
	request := &http.Request{Method: http.MethodGet}
	if toHead {
		request.Method = http.MethodHead
	}
	b, ok := body(r.Length)
	stream := bufio.NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(b),
		bytes.NewReader([]byte("HTTP/1.1 299 Next\r\nContent-Length: 0\r\n\r\n"))))
	theirs, err := http.ReadResponse(stream, request)
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", head, err)
	}
	if theirs.StatusCode != r.Status || theirs.Close || r.Length > 0 && theirs.ContentLength != r.Length {
		t.Fatalf("net/http reads %+v in %q", theirs, head)
	}
	compareFields(t, theirs.Header, r.Fields)
	if !ok {
		return
	}
	_, _ = io.Copy(io.Discard, theirs.Body)
	if next, err := http.ReadResponse(stream, request); err != nil || next.StatusCode != 299 {
		t.Fatalf("behind %q net/http reads %+v, %v", head, next, err)
	}
}
