package h1

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"lb/proxy/semantics"
)

// What request lines, status lines and field lines have in common. Hot path: everything here runs for every head.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stops marks the high bit of the bytes of x that are below the limit, at most 0x80, or DEL. Only the lowest mark can
// be trusted: a borrow may add marks above it.
func stops(x uint64, limit byte) uint64 {
	del := x ^ 0x7f*ones
	return ((x-uint64(limit)*ones)&^x | (del-ones)&^del) & highs
}

// valueEnd is the index, from i on, of the first byte that may not stand in a field value or a reason phrase: a control
// byte other than HTAB (RFC 9110 §5.5); len(b) if there is none. It looks at eight bytes at a time.
func valueEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		hit := stops(binary.LittleEndian.Uint64(b[i:]), ' ')
		if hit == 0 {
			continue
		}
		i += bits.TrailingZeros64(hit) >> 3
		if b[i] != '\t' {
			return i
		}
		i -= 7
	}
	for i < len(b) && (b[i] >= ' ' && b[i] != 0x7f || b[i] == '\t') {
		i++
	}
	return i
}

// targetEnd is the index, from i on, of the first byte that may not stand in a request target: SP, a control byte, or
// one that is not of ASCII; len(b) if there is none. URIs are ASCII (RFC 3986 §2), and some servers take NEL or NBSP
// for white space. The few printable characters that no URI has, such as "|", are let through: browsers send them.
func targetEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		if hit := stops(x, ' '+1) | x&highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for i < len(b) && b[i] > ' ' && b[i] < 0x7f {
		i++
	}
	return i
}

// tokenEnd is the index, from i on, of the first byte that may not stand in a token; len(b) if there is none.
func tokenEnd(b []byte, i int) int {
	for i < len(b) && semantics.IsTokenChar(b[i]) {
		i++
	}
	return i
}

// lineEnd demands CRLF at i, which stands behind a value (RFC 9112 §2.2: a bare CR or LF is refused).
func lineEnd(b []byte, i int) defect {
	switch {
	case i == len(b):
		return incomplete
	case b[i] == '\n':
		return bareLF
	case b[i] != '\r':
		return badValue
	case i+1 == len(b):
		return incomplete
	case b[i+1] != '\n':
		return bareCR
	}
	return sound
}

// WorthParsing reports whether a head that was incomplete in b[:had] can be complete in b. Without a new line feed, or
// a byte behind a carriage return, it is not, and a caller who asks first does not read the same head again for each byte that a slow client sends.
func WorthParsing(b []byte, had int, lim *Limits) bool {
	return had == 0 || len(b) > lim.headBytes() || b[had-1] == '\r' || bytes.IndexByte(b[had:], '\n') >= 0
}

const versionLength = len("HTTP/1.1")

var http11 = binary.LittleEndian.Uint64([]byte("HTTP/1.1"))

// version reads HTTP-version at i (RFC 9112 §2.3). A minor version above 1 is read as 1.1 (RFC 9110 §2.5); zero is a
// well-formed version with another major number.
func version(b []byte, i int) (semantics.Version, defect) {
	if i+versionLength <= len(b) && binary.LittleEndian.Uint64(b[i:]) == http11 {
		return semantics.HTTP11, sound
	}
	const form = "HTTP/0.0"
	for k := range len(form) {
		switch {
		case i+k == len(b):
			return 0, incomplete
		case form[k] == '0' && isDigit(b[i+k]), b[i+k] == form[k]:
		default:
			return 0, badVersion
		}
	}
	switch {
	case b[i+5] != '1':
		return 0, sound
	case b[i+7] == '0':
		return semantics.HTTP10, sound
	}
	return semantics.HTTP11, sound
}

func isDigit(c byte) bool { return c-'0' <= 9 }
