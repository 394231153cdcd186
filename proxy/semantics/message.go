package semantics

// Version of the protocol that a message was received by.
type Version uint8

// The versions that lb speaks.
const (
	HTTP10 Version = 10
	HTTP11 Version = 11
	HTTP20 Version = 20
)

// Lengths of a body that are not known beforehand.
const (
	// Chunked is a body that says itself where it ends (chunked coding, END_STREAM).
	Chunked int64 = -1
	// UntilClose is a response body that ends with its connection (RFC 9112 §6.3, last rule).
	UntilClose int64 = -2
)

// Request is the head of a request.
type Request struct {
	Method  []byte
	Target  []byte // as written: origin-form, absolute-form or asterisk-form (RFC 9112 §3.2)
	Version Version
	Fields  []Field
	// What the parser concluded from the fields.
	Host        []byte // the one Host field or :authority; nil when an HTTP/1.0 request has none
	Authority   []byte // of a target in absolute-form: it replaces Host (RFC 9112 §3.2.2)
	Path        []byte // what follows the authority in absolute-form, else the whole target; may be empty
	Length      int64  // of the body in bytes, 0 when there is none, or Chunked
	KeepAlive   bool   // the client allows another request on this connection
	Expect      bool   // Expect: 100-continue from a client that knows it (RFC 9110 §10.1.1)
	Upgrade     bool   // Connection: upgrade and an Upgrade field (RFC 9110 §7.8)
	TrailersYes bool   // TE: trailers (RFC 9110 §10.1.4)
}

// Reset empties r and keeps its field storage.
func (r *Request) Reset() { *r = Request{Fields: r.Fields[:0]} }

// Response is the head of a response, interim (1xx) or final.
type Response struct {
	Version   Version
	Status    int // 100 to 999
	Reason    []byte
	Fields    []Field
	Length    int64 // of the body in bytes, 0 when there is none, or Chunked or UntilClose
	KeepAlive bool  // the server allows another request on this connection
	HasDate   bool
}

// Reset empties r and keeps its field storage.
func (r *Response) Reset() { *r = Response{Fields: r.Fields[:0]} }

// Interim reports whether another response follows this one (RFC 9110 §15.2). 101 is final: the protocol changes.
func (r *Response) Interim() bool { return r.Status < 200 && r.Status != 101 }

// BodyAllowed reports whether a response with this status to a request with this method carries a body
// (RFC 9110 §6.4.1: not to HEAD, not with 1xx, 204 or 304).
func BodyAllowed(headRequest bool, status int) bool {
	return !headRequest && status >= 200 && status != 204 && status != 304
}
