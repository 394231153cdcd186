package h2

import (
	"math"

	"golang.org/x/net/http2"

	"lb/proxy/semantics"
)

// readSection judges a whole section, which is the head of a response or its trailers.
func (c *Conn) readSection(b *block) Event {
	s := b.stream
	switch {
	case s.received: // RFC 9113 §5.1: half-closed (remote)
		return c.broken(s, streamError(s, http2.ErrCodeStreamClosed, "fields after the end"))
	case b.large:
		err := streamError(s, http2.ErrCodeEnhanceYourCalm, "head too long")
		err.Large = true
		return c.broken(s, err)
	case b.defect != "":
		return c.fault(s, b.defect)
	case s.answered:
		return c.readTrailers(s, b)
	}
	return c.readHead(s, b)
}

// readTrailers takes a section behind a body (RFC 9113 §8.1).
func (c *Conn) readTrailers(s *Stream, b *block) Event {
	switch {
	case b.status != 0:
		return c.fault(s, "pseudo-header field among trailers")
	case !b.last:
		return c.fault(s, "trailers that are not the end")
	case s.inLeft > 0:
		return c.fault(s, "content-length differs from the data")
	}
	c.progress()
	s.received = true
	c.settle(s)
	return Event{Kind: Trailers, Stream: s, Last: true, Trailers: b.section()}
}

// readHead makes a response of a section (RFC 9113 §8.3.2). Hot path.
func (c *Conn) readHead(s *Stream, b *block) Event {
	r := &s.response
	*r = semantics.Response{Version: semantics.HTTP20, Status: b.status, Fields: b.section()}
	length, defect := lengthOf(r)
	switch {
	case b.status == 0:
		return c.fault(s, "no :status field")
	case b.status == 101: // RFC 9113 §8.6
		return c.fault(s, "status 101 in http/2")
	case defect != "":
		return c.fault(s, defect)
	case r.Interim() && b.last:
		return c.fault(s, "an interim response as the end")
	case r.Interim():
		c.debt++
		return Event{Kind: Head, Stream: s, Response: r}
	}
	return c.finalHead(s, b, length)
}

// finalHead settles how long the body is. One that is known to be empty is announced as such, since HTTP/1 has no other
// sign of it (RFC 9112 §6.3).
func (c *Conn) finalHead(s *Stream, b *block, length int64) Event {
	r := &s.response
	s.bodyless = !semantics.BodyAllowed(s.head, r.Status)
	switch {
	case s.bodyless:
		s.inLeft = semantics.Chunked
	case b.last && length > 0:
		return c.fault(s, "content-length differs from the data")
	case b.last && length == semantics.Chunked:
		r.Fields = append(r.Fields, noContent)
	case !b.last:
		r.Length, s.inLeft = length, length
	}
	r.KeepAlive = true
	c.progress()
	s.answered = true
	if b.last {
		s.received = true
		c.settle(s)
	}
	return Event{Kind: Head, Stream: s, Response: r, Last: b.last}
}

var noContent = semantics.Field{
	Name: []byte("content-length"), Value: []byte("0"), Kind: semantics.ContentLength,
}

// lengthOf reads Content-Length, and sees the Date on the way. semantics.Chunked stands for none.
func lengthOf(r *semantics.Response) (length int64, defect string) {
	length = semantics.Chunked
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Kind {
		case semantics.Date:
			r.HasDate = true
		case semantics.ContentLength:
			if length != semantics.Chunked {
				return 0, "several content-length fields"
			}
			if length = number(f.Value); length < 0 {
				return 0, "content-length is not a number"
			}
		}
	}
	return length, ""
}

// number reads 1*DIGIT (RFC 9110 §8.6); -1 for anything else.
func number(b []byte) (n int64) {
	if len(b) == 0 {
		return -1
	}
	for _, c := range b {
		digit := int64(c - '0')
		if c < '0' || c > '9' || n > (math.MaxInt64-digit)/10 {
			return -1
		}
		n = n*10 + digit
	}
	return n
}
