package semantics

// What is of one hop only and goes no further (RFC 9110 §7.6.1).

// hopKinds belong to one connection whether a Connection field names them or not. Trailer is not among them, nor are
// the fields of proxy authentication: RFC 9110 §6.6.2 and §11.7 let them pass.
const hopKinds uint32 = 1<<Connection | 1<<KeepAlive | 1<<ProxyConnection | 1<<TE | 1<<TransferEncoding | 1<<Upgrade

// lastingKinds are meant for every recipient, so that a sender must not name them in Connection (RFC 9110 §7.6.1). One
// that does is after something: to take Host or Content-Length from a request that we have judged by them, or the
// addresses that a trusted proxy recorded (compare CVE-2022-31813, CVE-2024-45410). We leave those fields alone; nginx
// and HAProxy, which strip a fixed list only, do so too. All other fields go when they are named, as the RFC demands.
const lastingKinds uint32 = 1<<ContentLength | 1<<Date | 1<<Expect | 1<<Forwarded | 1<<Host | 1<<Trailer | 1<<Via |
	1<<XForwardedFor | 1<<XForwardedOther | 1<<XForwardedHost | 1<<XForwardedProto

// EndToEnd reports whether a proxy forwards f: it is not of one connection by its kind, and no Connection field that
// MarkHopByHop looked at takes it. Host, Content-Length, Date, Expect, Forwarded, Trailer, Via and X-Forwarded-* are
// end to end even if a Connection field names them. Hot path: it runs for each field of each message.
func (f *Field) EndToEnd() bool { return !f.HopByHop && hopKinds>>f.Kind&1 == 0 }

// MarkHopByHop sets HopByHop on every field that a Connection field among them names (RFC 9110 §7.6.1), unless it is
// one that EndToEnd protects. Close and keep-alive name no field. Without a Connection field it costs a pass over the
// kinds.
func MarkHopByHop(fields []Field) {
	for i := range fields {
		if fields[i].Kind == Connection {
			markNamed(fields, fields[i].Value)
		}
	}
}

func markNamed(fields []Field, list []byte) {
	for {
		var option []byte
		if option, list = NextElement(list); option == nil {
			return
		}
		if EqualFold(option, "close") || EqualFold(option, "keep-alive") {
			continue
		}
		for i := range fields {
			if f := &fields[i]; lastingKinds>>f.Kind&1 == 0 && sameName(f.Name, option) {
				f.HopByHop = true
			}
		}
	}
}

// sameName reports whether two tokens are the same field name, in whatever case each is written.
func sameName(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
