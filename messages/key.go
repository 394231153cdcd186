package messages

import "strings"

// KeyKind is where the key of a request comes from.
type KeyKind uint8

const (
	// KeyClient is the client's address.
	KeyClient KeyKind = iota
	// KeyHeader is the value of a header field.
	KeyHeader
	// KeyCookie is the value of a cookie.
	KeyCookie
)

// Key is what the hash strategy goes by.
type Key struct {
	Kind KeyKind
	// Name of the header field or cookie.
	Name string
}

var keyWords = []string{"client", "header", "cookie"}

// ParseKey reads "client", "header:Name" or "cookie:Name". The name keeps its letter case. The error is an *InvalidError.
func ParseKey(s string) (Key, error) {
	fault := &InvalidError{Subject: "hash key", Word: s, Why: "not client, header:Name or cookie:Name"}
	kind, name, named := strings.Cut(s, ":")
	i, err := indexOf("", kind, keyWords)
	if err != nil {
		if fault.Nearest = Nearest(kind, keyWords); fault.Nearest != "" && named {
			fault.Nearest += ":" + name
		}
		return Key{}, fault
	}
	k := Key{KeyKind(i), name}
	if named != (k.Kind != KeyClient) {
		return Key{}, fault
	}
	return k, k.Validate()
}

// Validate returns an *InvalidError for a key that ParseKey could not have made.
func (k Key) Validate() error {
	switch {
	case int(k.Kind) >= len(keyWords):
		return unknownWord("hash key", k.String(), keyWords)
	case k.Kind == KeyClient && k.Name != "":
		return &InvalidError{Subject: "hash key", Word: k.String(), Why: "client has no name"}
	case k.Kind == KeyClient:
		return nil
	}
	if why := nameFault(k.Name); why != "" {
		return &InvalidError{Subject: "hash key", Word: k.String(), Why: why}
	}
	return nil
}

// String returns what ParseKey reads.
func (k Key) String() string {
	word := wordAt(keyWords, uint8(k.Kind))
	if k.Kind == KeyClient && k.Name == "" {
		return word
	}
	return word + ":" + k.Name
}

// maxName bounds the name of a header field or cookie in bytes.
const maxName = 256

// nameFault says why a header field (RFC 9110 §5.6.2) or a cookie (RFC 6265 §4.1.1) cannot have the name, or "".
func nameFault(name string) string {
	if name == "" || len(name) > maxName {
		return "a name has 1 to 256 bytes"
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return "a name has letters, digits and any of !#$%&'*+-.^_`|~"
		}
	}
	return ""
}

func validateSticky(name string) error {
	if name == "" {
		return nil
	}
	if why := nameFault(name); why != "" {
		return &InvalidError{Subject: "sticky", Word: name, Why: why}
	}
	return nil
}
