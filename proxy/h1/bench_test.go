package h1_test

import (
	"bytes"
	"strings"
	"testing"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// browserRequest has the ten fields of a usual browser.
var browserRequest = []byte(strings.ReplaceAll(`GET /articles/2024/load-balancing?page=2&sort=date HTTP/1.1
Host: www.example.com
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
Accept-Language: en-US,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Referer: https://www.example.com/articles
Connection: keep-alive
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark
Upgrade-Insecure-Requests: 1
Cache-Control: max-age=0

`, "\n", "\r\n"))

var serverResponse = []byte(strings.ReplaceAll(`HTTP/1.1 200 OK
Server: nginx/1.26.1
Date: Sun, 06 Nov 1994 08:49:37 GMT
Content-Type: text/html; charset=utf-8
Content-Length: 612
Last-Modified: Tue, 28 May 2024 13:22:30 GMT
Connection: keep-alive
ETag: "6655da96-264"
Accept-Ranges: bytes

`, "\n", "\r\n"))

func BenchmarkParseRequest(b *testing.B) {
	b.ReportAllocs()
	var r semantics.Request
	var lim h1.Limits
	for b.Loop() {
		if n, err := h1.ParseRequest(browserRequest, &r, &lim); n != len(browserRequest) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	b.ReportAllocs()
	var r semantics.Response
	var lim h1.Limits
	for b.Loop() {
		if n, err := h1.ParseResponse(serverResponse, &r, false, &lim); n != len(serverResponse) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkWriteRequest writes what a proxy sends on: every field that is end to end.
func BenchmarkWriteRequest(b *testing.B) {
	b.ReportAllocs()
	var r semantics.Request
	if _, err := h1.ParseRequest(browserRequest, &r, &h1.Limits{}); err != nil {
		b.Fatal(err)
	}
	var out []byte
	for b.Loop() {
		out = h1.AppendRequestLine(out[:0], r.Method, r.Path)
		for i := range r.Fields {
			if f := &r.Fields[i]; f.EndToEnd() {
				out = h1.AppendField(out, f.Name, f.Value)
			}
		}
		out = append(out, "\r\n"...)
	}
}

func benchmarkChunks(b *testing.B, size int) {
	b.ReportAllocs()
	var input []byte
	for range 64 << 10 / size {
		input = h1.AppendChunkHead(input, size)
		input = append(append(input, bytes.Repeat([]byte("x"), size)...), "\r\n"...)
	}
	input = append(input, h1.LastChunk...)
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		body := h1.NewBody(semantics.Chunked)
		for rest := input; !body.Done(); {
			_, n, err := body.Next(rest)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
	}
}

func BenchmarkChunksOf16B(b *testing.B)  { benchmarkChunks(b, 16) }
func BenchmarkChunksOf4KiB(b *testing.B) { benchmarkChunks(b, 4<<10) }

func TestHotPathDoesNotAllocate(t *testing.T) {
	var request semantics.Request
	var response semantics.Response
	var lim h1.Limits
	unknown := []byte("GET / HTTP/3.0\r\n")
	chunks := []byte("5;a\r\nhello\r\n0\r\n\r\n")
	out := make([]byte, 0, 1024)
	for name, f := range map[string]func(){
		"request":  func() { _, _ = h1.ParseRequest(browserRequest, &request, &lim) },
		"response": func() { _, _ = h1.ParseResponse(serverResponse, &response, false, &lim) },
		"refusal":  func() { _, _ = h1.ParseRequest(unknown, &request, &lim) },
		"body": func() {
			body := h1.NewBody(semantics.Chunked)
			for b := chunks; !body.Done(); {
				_, n, _ := body.Next(b)
				b = b[n:]
			}
		},
		"writing": func() {
			out = h1.AppendStatusLine(out[:0], 404, nil)
			out = h1.AppendFieldString(out, "Via", "1.1 lb")
			out = h1.AppendChunkHead(out, 0x1f)
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
