package proxy

import (
	"net/netip"
	"strconv"

	"lb/messages"
	"lb/proxy/semantics"
)

// What an intermediary changes in a message (RFC 9110 §7.6), whatever the versions on its two sides. Heads are changed in
// place, field by field, in one pass: order, letter case and duplicates of what goes on stay as they came. Hot path.

// pseudonym is our name in Via and Proxy-Status (RFC 9110 §7.6.3, RFC 9209 §2).
const pseudonym = "lb"

var (
	nameConnection = []byte("Connection")
	nameDate       = []byte("Date")
	nameHost       = []byte("Host")
	nameTE         = []byte("TE")
	nameUpgrade    = []byte("Upgrade")
	nameVia        = []byte("Via")
	nameFor        = []byte("X-Forwarded-For")
	nameForProto   = []byte("X-Forwarded-Proto")
	nameForHost    = []byte("X-Forwarded-Host")

	valueHTTP     = []byte("http")
	valueTE       = []byte("TE")
	valueTrailers = []byte("trailers")
	valueUpgrade  = []byte("upgrade")
	valueVia10    = []byte("1.0 " + pseudonym)
	valueVia11    = []byte("1.1 " + pseudonym)
	valueVia20    = []byte("2.0 " + pseudonym) // RFC 9110 §2.5: the minor version is 0 where a protocol has none
)

// route is what a request's changes depend on besides the request.
type route struct {
	peer    netip.Addr // of the client
	trusted bool       // it may say on whose behalf it speaks
	host    []byte     // Host for the backend; nil: the client's
	backend []byte     // Host when the client sent none
	id      []byte     // X-Request-Id; empty: the client's, if it sent one
}

// forwarder changes heads. It owns the bytes of the values that it adds, which are good until its next change.
type forwarder struct{ values []byte }

// request makes the head that a backend is to see, and returns the target for it. What the client sent as absolute-form
// becomes origin-form with the authority as Host (RFC 9112 §3.2.2).
func (f *forwarder) request(r *semantics.Request, to *route) (target []byte) {
	f.values = f.values[:0]
	said := r.Host
	if r.Authority != nil {
		said = r.Authority
	}
	host := to.host
	if host == nil {
		host = said
	}
	if len(host) == 0 {
		host = to.backend
	}
	upgrade := f.keepRequestFields(r, to, host)
	f.takeOneOff(r)
	f.addForwarded(r, to, said)
	if r.TrailersYes { // RFC 9110 §10.1.4: who sends TE names it in Connection
		r.Fields = append(r.Fields, semantics.Field{Name: nameTE, Value: valueTrailers, Kind: semantics.TE})
		if upgrade == nil {
			r.Fields = append(r.Fields, connection(valueTE))
		}
	}
	if upgrade != nil {
		r.Fields = append(r.Fields, connection(valueUpgrade),
			semantics.Field{Name: nameUpgrade, Value: upgrade, Kind: semantics.Upgrade})
	}
	return f.target(r)
}

// keepRequestFields drops what ends here and puts Host first if the client had none (RFC 9110 §7.2). It returns the
// protocols that the client would upgrade to.
func (f *forwarder) keepRequestFields(r *semantics.Request, to *route, host []byte) (upgrade []byte) {
	n, hosted := 0, false
	for i := range r.Fields {
		field := &r.Fields[i]
		if field.Kind != semantics.Other || field.HopByHop {
			switch {
			case field.Kind == semantics.Host:
				field.Value, hosted = host, true
			case field.Kind == semantics.Upgrade && upgrade == nil && offersUpgrade(r):
				upgrade = field.Value
				continue
			case !field.EndToEnd(), !to.trusted && ofForwarding(field.Kind):
				continue
			case field.Kind == semantics.XRequestID && len(to.id) > 0:
				continue
			case field.Kind == semantics.Expect && r.Version == semantics.HTTP10: // RFC 9110 §10.1.1
				continue
			}
		}
		if n != i {
			r.Fields[n] = *field
		}
		n++
	}
	r.Fields = r.Fields[:n]
	if !hosted {
		r.Fields = append(r.Fields, semantics.Field{})
		copy(r.Fields[1:], r.Fields)
		r.Fields[0] = semantics.Field{Name: nameHost, Value: host, Kind: semantics.Host}
	}
	return upgrade
}

// ofForwarding tells the fields by which proxies speak of clients. Only a trusted one is believed.
func ofForwarding(k semantics.Kind) bool {
	switch k {
	case semantics.XForwardedFor, semantics.XForwardedHost, semantics.XForwardedProto, semantics.XForwardedOther,
		semantics.Forwarded:
		return true
	}
	return false
}

// addForwarded adds Via and X-Forwarded-*. What a trusted peer says of protocol and host stands.
func (f *forwarder) addForwarded(r *semantics.Request, to *route, host []byte) {
	r.Fields = append(r.Fields, field(nameVia, via(r.Version)))
	f.addClient(r, to)
	if !to.trusted || !has(r.Fields, semantics.XForwardedProto) {
		r.Fields = append(r.Fields, field(nameForProto, valueHTTP))
	}
	if len(to.id) > 0 {
		r.Fields = append(r.Fields, field(nameRequestID, to.id))
	}
	if len(host) > 0 && (!to.trusted || !has(r.Fields, semantics.XForwardedHost)) {
		r.Fields = append(r.Fields, field(nameForHost, host))
	}
}

// addClient adds the client's address to the last X-Forwarded-For, which only a trusted peer's request still has. A line of
// its own would mean the same (RFC 9110 §5.3), but many backends look at one line only.
func (f *forwarder) addClient(r *semantics.Request, to *route) {
	start := len(f.values)
	for i := len(r.Fields) - 1; i >= 0 && to.trusted; i-- {
		if said := &r.Fields[i]; said.Kind == semantics.XForwardedFor && len(said.Value) > 0 {
			f.values = append(append(f.values, said.Value...), ", "...)
			f.values = to.peer.AppendTo(f.values)
			said.Value = f.values[start:]
			return
		}
	}
	f.values = to.peer.AppendTo(f.values)
	r.Fields = append(r.Fields, field(nameFor, f.values[start:]))
}

// target is the origin-form of an absolute-form, and anything else as it came (RFC 9112 §3.2.1, §3.2.4).
func (f *forwarder) target(r *semantics.Request) []byte {
	switch {
	case r.Authority == nil, len(r.Path) > 0 && r.Path[0] == '/':
		return r.Path
	case len(r.Path) == 0 && string(r.Method) == "OPTIONS":
		return []byte("*")
	}
	start := len(f.values)
	f.values = append(append(f.values, '/'), r.Path...)
	return f.values[start:]
}

// response makes the head that the client is to see.
func (f *forwarder) response(r *semantics.Response, date []byte) {
	n := 0
	for i := range r.Fields {
		field := &r.Fields[i]
		if field.Kind != semantics.Other || field.HopByHop {
			if !field.EndToEnd() || field.Kind == semantics.ContentLength && neverLong(r.Status) {
				continue
			}
		}
		if n != i {
			r.Fields[n] = *field
		}
		n++
	}
	r.Fields = r.Fields[:n]
	if !r.HasDate && r.Status >= 200 { // RFC 9110 §6.6.1
		r.Fields = append(r.Fields, field(nameDate, date))
	}
	r.Fields = append(r.Fields, field(nameVia, via(r.Version)))
}

// via is our entry in Via, with the version that the message was received by (RFC 9110 §7.6.3).
func via(v semantics.Version) []byte {
	switch v {
	case semantics.HTTP10:
		return valueVia10
	case semantics.HTTP20:
		return valueVia20
	}
	return valueVia11
}

// neverLong reports whether a response of this status must not have a Content-Length (RFC 9110 §8.6).
func neverLong(status int) bool { return status < 200 || status == 204 }

// connection says what is of this connection only. HTTP/2, which has no use for such fields, tells them by their kind.
func connection(option []byte) semantics.Field {
	return semantics.Field{Name: nameConnection, Value: option, Kind: semantics.Connection}
}

func field(name, value []byte) semantics.Field { return semantics.Field{Name: name, Value: value} }

func has(fields []semantics.Field, k semantics.Kind) bool {
	for i := range fields {
		if fields[i].Kind == k {
			return true
		}
	}
	return false
}

// offersUpgrade reports whether a client would change the protocol to one that we can carry. A request with a body would
// have it before the change. HTTP/2 in clear text is no offer (RFC 9113 §3.1 withdrew it): in a tunnel, a client could send
// requests past everything that looks at them.
func offersUpgrade(r *semantics.Request) bool {
	return r.Upgrade && r.Length == 0 && !semantics.HasOption(r.Fields, semantics.Upgrade, "h2c")
}

// upgradeOf finds the protocol that a response switches to (RFC 9110 §7.8).
func upgradeOf(fields []semantics.Field) []byte {
	for i := range fields {
		if fields[i].Kind == semantics.Upgrade {
			return fields[i].Value
		}
	}
	return nil
}

func (w *Worker) forwardResponse(r *semantics.Response) {
	var date []byte
	if !r.HasDate {
		date = w.date()
	}
	w.forward.response(r, date)
}

// route of the request of a client to a backend.
func (w *Worker) route(peer netip.AddrPort, b *backend) *route {
	w.path = route{peer: peer.Addr(), backend: b.pool.Authority, trusted: w.trusts(peer.Addr())}
	if b.namesHost(w.config.HostHeader) {
		w.path.host = b.pool.Authority
	}
	return &w.path
}

// namesHost reports whether the backend is to see its own name as Host.
func (b *backend) namesHost(h messages.HostHeader) bool {
	return h == messages.HostBackend || h == messages.HostAuto && b.scheme == messages.HTTPS
}

func number(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }
