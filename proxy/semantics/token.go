package semantics

// tchar marks the characters of a token (RFC 9110 §5.6.2).
var tchar = table("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

func table(chars string) (t [256]bool) {
	for i := range len(chars) {
		t[chars[i]] = true
	}
	return t
}

// IsTokenChar reports whether c may stand in a token: a method, a field name, a parameter name (RFC 9110 §5.6.2).
func IsTokenChar(c byte) bool { return tchar[c] }

// IsToken reports whether b is a token: at least one character, each of them a tchar (RFC 9110 §5.6.2).
func IsToken(b []byte) bool {
	for _, c := range b {
		if !tchar[c] {
			return false
		}
	}
	return len(b) > 0
}

// EqualFold reports whether b is the lower-case ASCII word, in whatever case b is written.
func EqualFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c != lower[i] && (c|0x20 != lower[i] || c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// TrimOWS cuts optional white space, spaces and tabs, from both ends of b (RFC 9110 §5.6.3).
func TrimOWS(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// NextElement cuts the first element from a comma-separated list (RFC 9110 §5.6.1) and returns it, trimmed, with what
// follows it. Empty elements are skipped, as a recipient must; element is empty when the list is at its end. Commas
// inside quoted strings do not separate.
func NextElement(list []byte) (element, rest []byte) {
	for len(list) > 0 {
		end := elementEnd(list)
		element = TrimOWS(list[:end])
		list = list[min(end+1, len(list)):]
		if len(element) > 0 {
			return element, list
		}
	}
	return nil, nil
}

// elementEnd is the index of the first comma outside quotes, or the length of list.
func elementEnd(list []byte) int {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return i
		}
	}
	return len(list)
}
