package proxy

import (
	"strconv"

	"lb/messages"
	"lb/proxy/semantics"
)

// Max-Forwards bounds how far an OPTIONS or TRACE request goes (RFC 9110 §7.6.2): each intermediary takes one off, and
// answers itself when there is nothing left.

// allowed is what a request that ends here is told of the methods.
const allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// endsHere answers an OPTIONS or TRACE request that must not go on, and reports whether it did.
func (x *exchange) endsHere(r *semantics.Request) bool {
	if x.method != semantics.MethodOptions && x.method != semantics.MethodTrace {
		return false
	}
	left, given := maxForwards(r.Fields)
	if !given || left > 0 {
		return false
	}
	a := answer{status: 200, allow: allowed}
	if x.method == semantics.MethodTrace { // RFC 9110 §9.3.8 would have it sent back, with what is secret in it
		a = answer{status: 405, reason: messages.HTTPRequestDenied, detail: "method TRACE", allow: allowed}
	}
	x.answer(a)
	return true
}

// takeOneOff lowers Max-Forwards in a request that goes on. For other methods it has no meaning.
func (f *forwarder) takeOneOff(r *semantics.Request) {
	if m := semantics.MethodOf(r.Method); m != semantics.MethodOptions && m != semantics.MethodTrace {
		return
	}
	left, given := maxForwards(r.Fields)
	if !given {
		return
	}
	value := f.keep(func(b []byte) []byte { return number(b, left-1) })
	for i := range r.Fields {
		if semantics.EqualFold(r.Fields[i].Name, "max-forwards") {
			r.Fields[i].Value = value
		}
	}
}

// maxForwards reads the field; one that is no number is none.
func maxForwards(fields []semantics.Field) (left int, given bool) {
	for i := range fields {
		if semantics.EqualFold(fields[i].Name, "max-forwards") {
			n, err := strconv.ParseUint(string(fields[i].Value), 10, 31)
			return int(n), err == nil
		}
	}
	return 0, false
}
