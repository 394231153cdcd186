package messages

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
