package semantics

// Method is the meaning of a request method to a proxy: may it be repeated, and does its response carry a body.
type Method uint8

// The methods of RFC 9110 §9 and PATCH (RFC 5789); MethodOther is any other token.
const (
	MethodOther Method = iota
	MethodGet
	MethodHead
	MethodPost
	MethodPut
	MethodDelete
	MethodConnect
	MethodOptions
	MethodTrace
	MethodPatch
)

var methodNames = [...]string{
	MethodOther: "_OTHER", MethodGet: "GET", MethodHead: "HEAD", MethodPost: "POST", MethodPut: "PUT",
	MethodDelete: "DELETE", MethodConnect: "CONNECT", MethodOptions: "OPTIONS", MethodTrace: "TRACE", MethodPatch: "PATCH",
}

// MethodOf tells the method that b names. Methods are case-sensitive (RFC 9110 §9.1).
func MethodOf(b []byte) Method {
	if string(b) == "GET" {
		return MethodGet
	}
	for m := MethodHead; m <= MethodPatch; m++ {
		if string(b) == methodNames[m] {
			return m
		}
	}
	return MethodOther
}

// String is the method's name, and "_OTHER" for one that is not of the standard: no label takes a client's words.
func (m Method) String() string { return methodNames[m] }

// Idempotent reports whether a request may be sent again when its fate is unknown (RFC 9110 §9.2.2). An unknown method
// may not.
func (m Method) Idempotent() bool {
	switch m {
	case MethodGet, MethodHead, MethodOptions, MethodTrace, MethodPut, MethodDelete:
		return true
	}
	return false
}
