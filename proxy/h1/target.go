package h1

import (
	"bytes"
	"net/netip"

	"lb/proxy/semantics"
)

// judgeTarget tells the forms of a request target apart (RFC 9112 §3.2) and fills Path and Authority. CONNECT has the
// form of its own; its target is left in Path alone, as nothing is ever sent to it.
func judgeTarget(r *semantics.Request) defect {
	r.Path = r.Target
	switch {
	case string(r.Method) == "CONNECT":
		return authorityForm(r.Target)
	case bytes.IndexByte(r.Target, '#') >= 0:
		return fragment
	case r.Target[0] == '/':
		return sound
	case len(r.Target) == 1 && r.Target[0] == '*':
		if string(r.Method) != "OPTIONS" {
			return badAsterisk
		}
		return sound
	}
	return absoluteForm(r)
}

// authorityForm is uri-host ":" port, both of which are needed (RFC 9112 §3.2.3).
func authorityForm(target []byte) defect {
	if bytes.IndexByte(target, ':') < 0 || !isDigit(target[len(target)-1]) || !validAuthority(target) {
		return badTarget
	}
	return sound
}

// absoluteForm splits scheme://authority path. The path may be empty or begin with "?": whoever forwards it writes "/"
// before it, or "*" for OPTIONS (RFC 9112 §3.2.1, §3.2.4).
func absoluteForm(r *semantics.Request) defect {
	scheme, rest, ok := bytes.Cut(r.Target, []byte("://"))
	if !ok || !semantics.EqualFold(scheme, "http") && !semantics.EqualFold(scheme, "https") {
		return badTarget
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	r.Authority, r.Path = rest[:end:end], rest[end:]
	switch {
	case bytes.IndexByte(r.Authority, '@') >= 0: // RFC 9110 §4.2.4
		return userinfo
	case len(r.Authority) == 0 || !validAuthority(r.Authority): // RFC 9110 §4.2.1
		return badAuthority
	}
	return sound
}

// hostChar marks what may stand in a registered name, letters of IPv4 addresses included (RFC 3986 §3.2.2): unreserved,
// percent signs and sub-delims but the comma, which would read as two names where values are joined.
var hostChar = func() (t [256]bool) {
	for _, c := range []byte("-._~%!$&'()*+;=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

// validAuthority reports whether b is uri-host [ ":" port ] (RFC 9110 §7.2). All of it may be empty, but no port may
// stand without a host (RFC 9110 §4.2.1).
func validAuthority(b []byte) bool {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		return end > 0 && validAddress(b[1:end]) && validPort(b[end+1:])
	}
	for i, c := range b {
		switch {
		case c == ':':
			return i > 0 && validPort(b[i:])
		case !hostChar[c] || c == '%' && !escapes(b[i:]):
			return false
		}
	}
	return true
}

// validAddress reports whether b is an IPv6 address. Later address forms (IPvFuture) and zones are refused. Few hosts
// are addresses, so that this one may allocate.
func validAddress(b []byte) bool {
	const longest = len("0000:0000:0000:0000:0000:0000:255.255.255.255")
	if len(b) > longest {
		return false
	}
	address, err := netip.ParseAddr(string(b))
	return err == nil && address.Is6() && address.Zone() == ""
}

// validPort reports whether b is empty or a colon with any number of digits.
func validPort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	for _, c := range b[1:] {
		if !isDigit(c) {
			return false
		}
	}
	return b[0] == ':'
}

// escapes reports whether b starts with a percent-encoded byte.
func escapes(b []byte) bool {
	return len(b) >= 3 && hexDigit[b[1]] != notHex && hexDigit[b[2]] != notHex
}
