package semantics

// Field is one line of a header or trailer section: a name as it was written, and a value without the white space
// around it. Both are slices into the read buffer.
type Field struct {
	Name  []byte
	Value []byte
	Kind  Kind
	// HopByHop is set by MarkHopByHop when a Connection field of the same message names this one (RFC 9110 §7.6.1).
	HopByHop bool
}

// Kind tells the few fields that a proxy acts on from all others, so that names are compared once, while parsing.
type Kind uint8

// The fields that have a meaning to a proxy.
const (
	Other Kind = iota
	Connection
	ContentLength
	Date
	Expect
	Forwarded // RFC 7239
	Host
	KeepAlive // RFC 2068 §19.7.1, obsolete
	ProxyConnection
	TE
	Trailer
	TransferEncoding
	Upgrade
	Via
	XForwardedFor
	XForwardedOther // any other field whose name starts with X-Forwarded-
	XForwardedHost
	XForwardedProto
	XRequestID
)

// KindOf classifies a field name, in whatever case. Names are told apart by length first: most fields cost one jump.
func KindOf(name []byte) Kind {
	switch len(name) {
	case 2:
		return match(name, "te", TE)
	case 3:
		return match(name, "via", Via)
	case 4:
		if name[0]|0x20 == 'h' {
			return match(name, "host", Host)
		}
		return match(name, "date", Date)
	case 6:
		return match(name, "expect", Expect)
	case 7:
		if name[0]|0x20 == 't' {
			return match(name, "trailer", Trailer)
		}
		return match(name, "upgrade", Upgrade)
	case 9:
		return match(name, "forwarded", Forwarded)
	case 10:
		if name[0]|0x20 == 'k' {
			return match(name, "keep-alive", KeepAlive)
		}
		return match(name, "connection", Connection)
	}
	if len(name) >= 12 {
		return kindOfLong(name)
	}
	return Other
}

func kindOfLong(name []byte) Kind {
	switch name[0] | 0x20 {
	case 'c':
		return match(name, "content-length", ContentLength)
	case 'p':
		return match(name, "proxy-connection", ProxyConnection)
	case 't':
		return match(name, "transfer-encoding", TransferEncoding)
	case 'x':
		if len(name) == len("x-request-id") && name[2]|0x20 == 'r' {
			return match(name, "x-request-id", XRequestID)
		}
		return forwardedKind(name)
	}
	return Other
}

func forwardedKind(name []byte) Kind {
	const prefix = len("x-forwarded-")
	if !EqualFold(name[:prefix], "x-forwarded-") {
		return Other
	}
	switch rest := name[prefix:]; {
	case EqualFold(rest, "for"):
		return XForwardedFor
	case EqualFold(rest, "host"):
		return XForwardedHost
	case EqualFold(rest, "proto"):
		return XForwardedProto
	}
	return XForwardedOther
}

func match(name []byte, lower string, kind Kind) Kind {
	if EqualFold(name, lower) {
		return kind
	}
	return Other
}

// HasOption reports whether any field of the kind lists the lower-case word.
func HasOption(fields []Field, kind Kind, word string) bool {
	for i := range fields {
		if fields[i].Kind != kind {
			continue
		}
		for list := fields[i].Value; ; {
			var element []byte
			if element, list = NextElement(list); element == nil {
				break
			}
			if EqualFold(element, word) {
				return true
			}
		}
	}
	return false
}
