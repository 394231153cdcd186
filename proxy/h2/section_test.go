package h2

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2"

	"lb/proxy/semantics"
)

// A head that comes in two frames, between which its stream is given up, is not that of the next stream, though this one
// has the memory of the other.
func TestHeadOfAStreamThatWasGivenUpIsNobodys(t *testing.T) {
	c := New(false, Limits{})
	c.settled = true
	s := &Stream{}
	request := &semantics.Request{Method: []byte("GET")}
	c.Request(s, request, []byte("/first"))

	read := func(write func(*http2.Framer)) Event {
		t.Helper()
		var b bytes.Buffer
		write(http2.NewFramer(&b, nil))
		e, n, err := c.Next(b.Bytes())
		if err != nil || n != b.Len() {
			t.Fatalf("took %d of %d bytes: %v", n, b.Len(), err)
		}
		return e
	}
	block := []byte{0x88} // :status 200
	read(func(f *http2.Framer) { _ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: nil}) })
	c.Reset(s, Cancel)
	*s = Stream{}
	c.Request(s, request, []byte("/second"))
	if e := read(func(f *http2.Framer) { _ = f.WriteContinuation(1, true, block) }); e.Stream != nil {
		t.Fatalf("stream %d is told of the head of stream 1", e.Stream.ID())
	}
	e := read(func(f *http2.Framer) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block, EndHeaders: true})
	})
	if e.Stream != s || e.Kind != Head {
		t.Fatalf("got %+v, want the head of stream 3", e)
	}
}
