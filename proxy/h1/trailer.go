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

// controlKinds must not come late: a recipient acts on them before the body (RFC 9110 §6.5.1), or they are of one hop.
var controlKinds = kindsOf(
	semantics.Connection, semantics.ContentLength, semantics.Date, semantics.Expect, semantics.Forwarded, semantics.Host,
	semantics.KeepAlive, semantics.ProxyConnection, semantics.TE, semantics.Trailer, semantics.TransferEncoding,
	semantics.Upgrade, semantics.Via, semantics.XForwardedFor, semantics.XForwardedOther, semantics.XForwardedHost,
	semantics.XForwardedProto,
)

// controlNames are the other fields of that sort: routing, request modifiers, authentication, response control, and how
// to read the content (RFC 9110 §6.5.1).
var controlNames = [...]string{
	"accept", "accept-charset", "accept-encoding", "accept-language", "age", "allow", "authorization", "cache-control",
	"content-encoding", "content-language", "content-location", "content-range", "content-type", "cookie", "expires",
	"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "location", "max-forwards", "pragma",
	"proxy-authenticate", "proxy-authentication-info", "proxy-authorization", "range", "retry-after", "set-cookie", "vary",
	"warning", "www-authenticate",
}

// mayTrail reports whether f may be sent in a trailer section. An unknown field may: gRPC's status is one.
func mayTrail(f *semantics.Field) bool {
	if f.HopByHop || controlKinds.has(f.Kind) {
		return false
	}
	for _, name := range controlNames {
		if semantics.EqualFold(f.Name, name) {
			return false
		}
	}
	return true
}

// AppendTrailers ends a chunked body with its last chunk and those of the fields that may stand in a trailer section
// (RFC 9110 §6.5.1); with none of them it writes LastChunk.
func AppendTrailers(dst []byte, fields []semantics.Field) []byte {
	dst = append(dst, '0', '\r', '\n')
	for i := range fields {
		if f := &fields[i]; mayTrail(f) {
			dst = AppendField(dst, f.Name, f.Value)
		}
	}
	return append(dst, '\r', '\n')
}
