package h1

import (
	"math/bits"
	"strconv"
)

// The Append functions trust their arguments: what they write was parsed, or is our own. Hot path.

// LastChunk ends a chunked body that has no trailer fields (RFC 9112 §7.1).
const LastChunk = "0\r\n\r\n"

// AppendRequestLine appends a request line of HTTP/1.1 (RFC 9112 §3).
func AppendRequestLine(dst, method, target []byte) []byte {
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	return append(dst, " HTTP/1.1\r\n"...)
}

// AppendStatusLine appends a status line of HTTP/1.1 (RFC 9112 §4). A nil reason stands for the standard phrase; an
// empty one is kept empty.
func AppendStatusLine(dst []byte, status int, reason []byte) []byte {
	if reason == nil && status == 200 {
		return append(dst, "HTTP/1.1 200 OK\r\n"...)
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10), ' ')
	if reason == nil {
		dst = append(dst, phrase(status)...)
	} else {
		dst = append(dst, reason...)
	}
	return append(dst, '\r', '\n')
}

// AppendField appends a field line (RFC 9112 §5).
func AppendField(dst, name, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':', ' ')
	dst = append(dst, value...)
	return append(dst, '\r', '\n')
}

// AppendFieldString is AppendField for constants.
func AppendFieldString(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':', ' ')
	dst = append(dst, value...)
	return append(dst, '\r', '\n')
}

// AppendInt appends n in decimal.
func AppendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// AppendChunkHead appends the head of a chunk of n bytes (RFC 9112 §7.1). Behind the data goes a CRLF. n is at least 1:
// a chunk of 0 bytes would end the body.
func AppendChunkHead(dst []byte, n int) []byte {
	for shift := (bits.Len(uint(n)) - 1) &^ 3; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[n>>shift&0xf])
	}
	return append(dst, '\r', '\n')
}
