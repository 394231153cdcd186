package h1

import "lb/proxy/semantics"

// Body finds the data of a message body in the bytes that follow its head (RFC 9112 §6, §7). It keeps no bytes but
// those of a trailer section: what was given to Next may be reused as soon as its data has been. It is a value; the
// zero value is a body that is Done.
type Body struct {
	left    int64 // data still to come: of the body, or of this chunk
	debt    int64 // framing bytes that no data paid for
	phase   phase
	digits  uint8  // of the chunk size
	failed  defect // sticks
	framing int    // bytes of this chunk's head and line ends
	trailer *trailer
}

// NewBody is a body of so many bytes, or semantics.Chunked or semantics.UntilClose.
func NewBody(length int64) Body {
	switch {
	case length > 0:
		return Body{left: length, phase: counted}
	case length == 0:
		return Body{}
	case length == semantics.Chunked:
		return Body{phase: sizeStart}
	case length == semantics.UntilClose:
		return Body{phase: endless}
	}
	panic("h1: body of a negative length")
}

// Next is the next piece of data in b, a slice of it, and the number of bytes of b that it and the framing before it
// took. All of b is consumed unless data is returned or the body ends inside it, so the caller keeps no remainder:
//
//	for len(b) > 0 && !body.Done() {
//		data, n, err := body.Next(b)
//		…
//		b = b[n:]
//	}
//
// An error has status 400, whoever sent the body, and sticks.
func (body *Body) Next(b []byte) (data []byte, consumed int, err *Error) {
	switch body.phase {
	case done:
		return nil, 0, nil
	case endless:
		return b, len(b), nil
	case counted:
		data = body.take(b)
		if body.left == 0 {
			body.phase = done
		}
		return data, len(data), nil
	}
	return body.nextChunked(b)
}

// Done reports whether the body is complete, with its trailer section. A body that ends with its connection never is.
func (body *Body) Done() bool { return body.phase == done }

// EOF judges the end of the source: nil if the body may end here, else ErrIncomplete (RFC 9112 §8).
func (body *Body) EOF() *Error {
	if body.phase == done || body.phase == endless {
		return nil
	}
	return ErrIncomplete
}

// Remaining is the number of data bytes known still to come: of the body, or of the current chunk; 0 if unknown.
func (body *Body) Remaining() int64 {
	if body.phase == counted || body.phase == chunkData {
		return body.left
	}
	return 0
}

// Trailers are the trailer fields of a body that is Done; nil if there were none. Their bytes belong to the Body.
func (body *Body) Trailers() []semantics.Field {
	if body.phase != done || body.trailer == nil {
		return nil
	}
	return body.trailer.fields
}

// take cuts off what b has of the data still to come.
func (body *Body) take(b []byte) []byte {
	if int64(len(b)) > body.left {
		b = b[:body.left:body.left]
	}
	body.left -= int64(len(b))
	return b
}
