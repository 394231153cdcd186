package semantics

// What may stand in a trailer section.

// controlKinds must not come late: a recipient acts on them before the body (RFC 9110 §6.5.1), or they are of one hop.
const controlKinds uint32 = hopKinds | lastingKinds

// controlNames are the other fields of that sort: routing, request modifiers, authentication, response control, and how
// to read the content (RFC 9110 §6.5.1).
var controlNames = [...]string{
	"accept", "accept-charset", "accept-encoding", "accept-language", "age", "allow", "authorization", "cache-control",
	"content-encoding", "content-language", "content-location", "content-range", "content-type", "cookie", "expires",
	"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "location", "max-forwards", "pragma",
	"proxy-authenticate", "proxy-authentication-info", "proxy-authorization", "range", "retry-after", "set-cookie", "vary",
	"warning", "www-authenticate",
}

// MayTrail reports whether f may be sent in a trailer section. An unknown field may: gRPC's status is one.
func (f *Field) MayTrail() bool {
	if f.HopByHop || controlKinds>>f.Kind&1 != 0 {
		return false
	}
	for _, name := range controlNames {
		if EqualFold(f.Name, name) {
			return false
		}
	}
	return true
}
