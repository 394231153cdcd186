package h1

import (
	"math"

	"lb/proxy/semantics"
)

// bodyLength draws the length of a body from the framing fields of s, of which there is at least one (RFC 9112 §6.3).
// Both kinds at once, or one content-length twice even with the same number, are how messages are smuggled: refused.
func bodyLength(v semantics.Version, s *section) (int64, defect) {
	switch {
	case s.seen&framingKinds == framingKinds:
		return 0, lengthAndCoding
	case s.twice.has(semantics.ContentLength):
		return 0, manyLengths
	case s.seen.has(semantics.ContentLength):
		return contentLength(s.value(semantics.ContentLength))
	case v == semantics.HTTP10: // RFC 9112 §6.1: treat as faulty framing
		return 0, codingInHTTP10
	}
	return semantics.Chunked, transferCodings(s.fields)
}

// contentLength reads 1*DIGIT (RFC 9110 §8.6).
func contentLength(value []byte) (n int64, d defect) {
	if len(value) == 0 {
		return 0, badLength
	}
	for _, c := range value {
		if !isDigit(c) {
			return 0, badLength
		}
		digit := int64(c - '0')
		if n > (math.MaxInt64-digit)/10 {
			d = hugeLength
		}
		n = n*10 + digit
	}
	return n, d
}

// transferCodings accepts exactly one chunked in all Transfer-Encoding fields together (RFC 9112 §6.1). An unknown
// coding before it is 501, as §6.1 says; a list that chunked does not end is 400, as §6.3 commands, whatever else
// stands in it. The identity of RFC 2616 was taken out of HTTP in 2014; what is left of it is a way to have two
// recipients disagree: 400.
func transferCodings(fields []semantics.Field) defect {
	verdict, chunked, last := sound, 0, false
	for i := range fields {
		if fields[i].Kind != semantics.TransferEncoding {
			continue
		}
		for list := fields[i].Value; ; {
			var coding []byte
			if coding, list = semantics.NextElement(list); coding == nil {
				break
			}
			switch d := judgeCoding(coding); d {
			case sound:
				chunked, last = chunked+1, true
			case unknownCoding:
				verdict, last = d, false
			default:
				return d
			}
		}
	}
	switch {
	case chunked > 1:
		return chunkedTwice
	case last:
		return verdict
	case chunked == 0 && verdict == sound: // no coding at all
		return badCoding
	}
	return chunkedNotLast
}

// judgeCoding is sound for chunked. It has no parameters (RFC 9112 §7.1: their presence is an error).
func judgeCoding(coding []byte) defect {
	end := tokenEnd(coding, 0)
	name, rest := coding[:end], semantics.TrimOWS(coding[end:])
	switch {
	case end == 0 || len(rest) > 0 && rest[0] != ';':
		return badCoding
	case semantics.EqualFold(name, "identity"):
		return identityCoding
	case !semantics.EqualFold(name, "chunked"):
		return unknownCoding
	case len(rest) > 0:
		return badCoding
	}
	return sound
}

// connection reads the Connection fields: whether the connection outlives this message (RFC 9112 §9.3), and which other
// fields are hop by hop. The two usual values, which name no field, are compared first.
func (s *section) connection(v semantics.Version) (keepAlive bool, d defect) {
	persistent := v != semantics.HTTP10
	if !s.seen.has(semantics.Connection) {
		return persistent, sound
	}
	if !s.twice.has(semantics.Connection) {
		value := s.value(semantics.Connection)
		switch {
		case semantics.EqualFold(value, "keep-alive"):
			return true, sound
		case semantics.EqualFold(value, "close"):
			return false, sound
		}
	}
	if s.optionBytes() > maxOptionBytes {
		return false, manyOptions
	}
	semantics.MarkHopByHop(s.fields)
	if semantics.HasOption(s.fields, semantics.Connection, "close") {
		return false, sound
	}
	return persistent || semantics.HasOption(s.fields, semantics.Connection, "keep-alive"), sound
}

func (s *section) optionBytes() (n int) {
	for i := range s.fields {
		if s.fields[i].Kind == semantics.Connection {
			n += len(s.fields[i].Value)
		}
	}
	return n
}
