package h2

import (
	"golang.org/x/net/http2"

	"lb/proxy/semantics"
)

// Request opens a stream with the head of a request. What a proxy changes in the fields was changed before; here they
// are only mapped (RFC 9113 §8.3.1). There must be Room. A request without a body is ended at once. Hot path.
func (c *Conn) Request(s *Stream, r *semantics.Request, target []byte) {
	s.open(c.nextID, c.peer.window, r.Length, string(r.Method) == "HEAD")
	c.nextID += 2
	c.streams[s.id] = s
	s.sent = r.Length == 0
	scheme := "http"
	if c.secure {
		scheme = "https"
	}
	c.writeSection(s.id, c.fields.request(r, target, scheme), s.sent)
}

// writeSection writes a field section as HEADERS and, if it is larger than a frame, CONTINUATION (RFC 9113 §4.3).
func (c *Conn) writeSection(id uint32, block []byte, last bool) {
	size := min(len(block), maxFrame)
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: block[:size], EndStream: last, EndHeaders: size == len(block),
	})
	for block = block[size:]; len(block) > 0; block = block[size:] {
		size = min(len(block), maxFrame)
		_ = c.framer.WriteContinuation(id, size == len(block), block[:size])
	}
}

// Write writes as much of the stream's body as the windows allow and returns how much that was. The frame that
// completes a body whose length is known ends the request. Hot path.
func (c *Conn) Write(s *Stream, b []byte) (n int) {
	b = b[:min(len(b), c.Window(s))]
	for n < len(b) {
		n += c.writeData(s, b[n:min(len(b), n+maxFrame)])
	}
	return n
}

// writeData writes one frame.
func (c *Conn) writeData(s *Stream, b []byte) int {
	s.send -= int64(len(b))
	c.send -= int64(len(b))
	if s.outLeft > 0 {
		s.outLeft = max(s.outLeft-int64(len(b)), 0)
		s.sent = s.outLeft == 0
	}
	c.appendData(s, b)
	c.progress()
	return len(b)
}

// appendData appends a DATA frame: the Framer would copy the bytes twice.
func (c *Conn) appendData(s *Stream, b []byte) {
	n, flags := len(b), byte(0)
	if s.sent {
		flags = byte(http2.FlagDataEndStream)
	}
	c.Out = append(c.Out, byte(n>>16), byte(n>>8), byte(n), byte(http2.FrameData), flags,
		byte(s.id>>24), byte(s.id>>16), byte(s.id>>8), byte(s.id))
	c.Out = append(c.Out, b...)
	c.settle(s)
}

// End ends the request, unless that is done, with those of the fields that may stand in a trailer section.
func (c *Conn) End(s *Stream, trailers []semantics.Field) {
	if s.sent || s.id == 0 {
		return
	}
	s.sent = true
	if block := c.fields.trailers(trailers); len(block) > 0 {
		c.writeSection(s.id, block, true)
		c.settle(s)
		return
	}
	c.appendData(s, nil)
}

// Reset gives a stream up, unless it is over.
func (c *Conn) Reset(s *Stream, code Code) {
	if c.streams[s.id] != s {
		return
	}
	_ = c.framer.WriteRSTStream(s.id, code)
	c.over(s)
}
