package messages

// Scheme is how a backend is spoken to.
type Scheme uint8

const (
	// HTTP is HTTP/1.1 in clear text, what a backend without a scheme gets.
	HTTP Scheme = iota
	// HTTPS is HTTP over TLS; the protocol version is settled by ALPN (RFC 7301).
	HTTPS
	// H2C is HTTP/2 in clear text with prior knowledge (RFC 9113 §3.3).
	H2C
	// SRV is no scheme of a server: the entry stands for all that a service name of DNS lists (RFC 2782). Host is that
	// name and Port 0. What it lists are backends of the scheme that the name begins with: _http, _https or _h2c.
	SRV
)

var schemeWords = []string{"http", "https", "h2c", "srv"}

// ParseScheme reads "http", "https", "h2c" or "srv"; letter case does not matter (RFC 3986 §3.1).
func ParseScheme(s string) (Scheme, error) {
	i, err := indexOf("scheme", s, schemeWords)
	return Scheme(i), err
}

// String returns the word that ParseScheme reads.
func (s Scheme) String() string { return wordAt(schemeWords, uint8(s)) }
