package transport

// redactor hides the values of secret fields in a stream of HTTP/1.1, however it is cut. It does not tell heads from
// bodies: a line of a body that looks like such a field is hidden as well.
type redactor struct {
	state lineState
	name  [len("proxy-authorization")]byte // of the field, in lower case
	size  int
}

type lineState uint8

const (
	inName lineState = iota
	inValue
	inSecret
	inRequest   // the value of X-Request-Id
	afterSecret // a line that begins with a blank goes on with the secret
)

// maxRequestID is how many bytes of a request's id are shown.
const maxRequestID = 64

// redact hides secrets in b, unless they may be seen, and takes the id of the request.
func (r *redactor) redact(b []byte, secrets bool, request *[]byte) {
	for i, c := range b {
		switch {
		case c == '\r':
		case c == '\n':
			r.endLine()
		case r.state == afterSecret && (c == ' ' || c == '\t'):
			r.state = inSecret
		case r.state == inName || r.state == afterSecret:
			r.state = inName
			r.take(c, request)
		case r.state == inSecret && !secrets:
			b[i] = '*'
		case r.state == inRequest && c > ' ' && c <= '~' && len(*request) < maxRequestID:
			*request = append(*request, c)
		}
	}
}

func (r *redactor) endLine() {
	if r.state == inSecret {
		r.state = afterSecret
	} else {
		r.state = inName
	}
	r.size = 0
}

// take takes a byte of a name.
func (r *redactor) take(c byte, request *[]byte) {
	switch {
	case c == ':':
		r.state = kindOf(string(r.name[:r.size]))
		if r.state == inRequest {
			*request = (*request)[:0]
		}
	case r.size == len(r.name):
		r.state = inValue
	default:
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		r.name[r.size] = c
		r.size++
	}
}

func kindOf(name string) lineState {
	switch {
	case Secret(name):
		return inSecret
	case name == "x-request-id":
		return inRequest
	}
	return inValue
}

// Secret reports whether the values of a field are hidden. The name is in lower case.
func Secret(name string) bool {
	switch name {
	case "authorization", "proxy-authorization", "cookie", "set-cookie":
		return true
	}
	return false
}
