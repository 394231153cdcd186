package h1

import "lb/proxy/semantics"

// trailer gathers a trailer section (RFC 9112 §7.1.2). Few messages have one, so it alone owns a copy of its bytes.
type trailer struct {
	bytes []byte
	section
}

// next takes more bytes of the section and returns how many of b were part of it, once it is complete. Lines that are
// complete are not read again; their fields stay valid even if the bytes move, which leaves them in the old array.
func (t *trailer) next(b []byte) (n int, d defect) {
	had := len(t.bytes)
	t.bytes = append(t.bytes, b[:min(len(b), maxTrailerBytes-had)]...)
	end, d := t.parse(t.bytes, t.line, maxTrailerFields)
	switch {
	case d == manyFields:
		return 0, manyTrailers
	case d == incomplete && had+len(b) > maxTrailerBytes:
		return 0, longTrailer
	case d != sound:
		return 0, d
	}
	t.bytes = t.bytes[:end]
	return end - had, sound
}

// AppendTrailers ends a chunked body with its last chunk and those of the fields that may stand in a trailer section
// (RFC 9110 §6.5.1); with none of them it writes LastChunk.
func AppendTrailers(dst []byte, fields []semantics.Field) []byte {
	dst = append(dst, '0', '\r', '\n')
	for i := range fields {
		if f := &fields[i]; f.MayTrail() {
			dst = AppendField(dst, f.Name, f.Value)
		}
	}
	return append(dst, '\r', '\n')
}
