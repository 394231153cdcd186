package h2

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// browser is a request as a proxy sends it on for a browser.
func browser() *semantics.Request {
	r := &semantics.Request{Method: []byte("GET")}
	for _, f := range [][2]string{
		{"Host", "www.example.com"},
		{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		{"Accept-Language", "en-GB,en;q=0.7,de;q=0.3"},
		{"Accept-Encoding", "gzip, deflate, br, zstd"},
		{"Referer", "https://www.example.com/catalogue/shoes?page=3&order=price"},
		{"Cookie", "session=7f3c2a9e51d84b06; theme=dark; consent=necessary"},
		{"Sec-Fetch-Dest", "document"},
		{"Sec-Fetch-Mode", "navigate"},
		{"Via", "1.1 lb"},
		{"X-Forwarded-For", "192.0.2.1"},
		{"X-Forwarded-Proto", "http"},
		{"X-Forwarded-Host", "www.example.com"},
	} {
		name := []byte(f[0])
		r.Fields = append(r.Fields, semantics.Field{Name: name, Value: []byte(f[1]), Kind: semantics.KindOf(name)})
	}
	return r
}

// BenchmarkExchange is one request and its response.
func BenchmarkExchange(b *testing.B) {
	c := New(false, Limits{})
	var sent, block bytes.Buffer
	framer, enc := http2.NewFramer(&sent, nil), hpack.NewEncoder(&block)
	_ = framer.WriteSettings()
	if _, _, err := c.Next(sent.Bytes()); err != nil {
		b.Fatal(err)
	}
	for _, f := range [][2]string{
		{":status", "200"},
		{"server", "x"},
		{"date", "Thu, 01 Jan 2026 00:00:00 GMT"},
		{"content-type", "text/plain"},
		{"content-length", "52"},
		{"cache-control", "max-age=3600"},
	} {
		_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	sent.Reset()
	r, target, s := browser(), []byte("/catalogue"), &Stream{}
	body := make([]byte, 52)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Request(s, r, target)
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.ID(), BlockFragment: block.Bytes(), EndHeaders: true})
		_ = framer.WriteData(s.ID(), true, body)
		if i == 0 { // from now on the fields are in the table
			block.Reset()
			for _, n := range []byte{8, 66, 65, 64, 63, 62} {
				block.WriteByte(0x80 | n)
			}
		}
		for in := sent.Bytes(); len(in) > 0; {
			_, n, err := c.Next(in)
			if err != nil || n == 0 {
				b.Fatal(err, n)
			}
			in = in[n:]
		}
		sent.Reset()
		c.Out = c.Out[:0]
		c.Release()
	}
}
