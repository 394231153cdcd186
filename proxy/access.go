package proxy

import (
	"net/netip"
	"time"

	"lb/messages"
	"lb/proxy/semantics"
)

// Access is what is logged of one exchange. It is good, its bytes too, until the call that it is given to returns.
type Access struct {
	// RequestID is that of a trusted peer, or made.
	RequestID []byte
	Client    netip.AddrPort
	Method    []byte
	Host      []byte
	Path      []byte
	Protocol  string // HTTP/1.0, HTTP/1.1; empty: the request was not understood
	Status    int    // 0: the client got none
	BytesIn   int64  // of the request's body
	BytesOut  int64  // of the response's body
	Duration  time.Duration
	TTFB      time.Duration // until the response's head came; 0: none came
	Backend   string        // of the last attempt; empty: there was none
	Attempts  int
	Reason    messages.Reason
	Detail    string // of the reason; may be empty
}

// mentions are what is logged of a request's head. Where each exchange is logged they are copied when the request comes,
// since the head would have to be read again at its end.
type mentions struct {
	words        []byte // method, path and host; empty until they are noted
	method, path int    // where they end
	http10       bool
}

func (m *mentions) note(r *semantics.Request) {
	m.words = append(m.words[:0], r.Method...)
	m.method = len(m.words)
	m.words = append(m.words, r.Path...)
	m.path = len(m.words)
	host := r.Host
	if r.Authority != nil {
		host = r.Authority
	}
	m.words = append(m.words, host...)
	m.http10 = r.Version == semantics.HTTP10
}

func (m *mentions) tell(a *Access) {
	a.Method, a.Path, a.Host = m.words[:m.method], m.words[m.method:m.path], m.words[m.path:]
	a.Protocol = "HTTP/1.1"
	if m.http10 {
		a.Protocol = "HTTP/1.0"
	}
}

// log tells of an exchange if the configuration wants it. Hot path.
func (w *Worker) log(x *exchange) {
	if w.options.Access == nil || !wanted(w.config.AccessLog, x) {
		return
	}
	a := &w.access
	*a = Access{
		Client: x.client.Peer, Status: x.status, BytesIn: x.received, BytesOut: x.sent,
		Duration: since(x.began, w.loop.Now()), Attempts: x.attempts, Reason: x.reason, Detail: x.detail,
	}
	if x.responded != 0 {
		a.TTFB = since(x.began, x.responded)
	}
	if x.backend != nil {
		a.Backend = x.backend.id
	}
	x.describe(a)
	w.options.Access(a)
}

func wanted(which messages.AccessLog, x *exchange) bool {
	return which == messages.AccessOn || which == messages.AccessErrors && (x.reason != messages.NoReason || x.status >= 500)
}

// describe tells of the request, as far as it was understood.
func (x *exchange) describe(a *Access) {
	var r *semantics.Request
	if len(x.words) == 0 && len(x.head) > 0 {
		r = x.parse()
		x.note(r)
	}
	if len(x.id) == 0 {
		x.identify(r)
	}
	a.RequestID = x.id
	if len(x.words) > 0 {
		x.tell(a)
	}
}
