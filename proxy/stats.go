package proxy

import (
	"net/netip"
	"time"

	"lb/messages"
	"lb/proxy/semantics"
)

// Access is what is logged of one exchange.
type Access struct {
	// RequestID is that of a trusted peer, or made.
	RequestID string
	Client    netip.AddrPort
	Method    string
	Host      string
	Path      string
	Protocol  string // HTTP/1.0, HTTP/1.1
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

// count adds an exchange that is over to the counters. Hot path.
func (w *Worker) count(x *exchange) {
	w.stats.Requests[x.method][classOf(x.status)]++
	if x.responded != 0 {
		w.stats.FirstByte.Observe(since(x.began, x.responded))
	}
	if !x.tunnel {
		w.stats.Duration.Observe(since(x.began, w.loop.Now()))
	}
}

// classOf a status; 0 for what is none.
func classOf(status int) int {
	if class := status / 100; class < len(messages.Classes{}) {
		return class
	}
	return 0
}

// answers notes the final head of a backend's response. Hot path.
func (x *exchange) answers(status int) {
	x.answering = true
	x.status, x.responded = status, x.worker.loop.Now()
	x.backend.stats.Requests[classOf(status)]++
	x.observe()
}

// left counts an attempt that is over, whichever way. Hot path.
func (x *exchange) left() {
	x.backend.stats.InFlight--
	x.vacate()
	if !x.answering {
		x.backend.stats.Requests[0]++
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
	var r *semantics.Request
	if len(x.head) > 0 {
		r = x.parse()
		a.describe(r)
	}
	if len(x.id) == 0 {
		x.identify(r)
	}
	a.RequestID = string(x.id)
	w.options.Access(a)
}

func wanted(which messages.AccessLog, x *exchange) bool {
	return which == messages.AccessOn || which == messages.AccessErrors && (x.reason != messages.NoReason || x.status >= 500)
}

func (a *Access) describe(r *semantics.Request) {
	a.Method, a.Path, a.Host = string(r.Method), string(r.Path), string(r.Host)
	if r.Authority != nil {
		a.Host = string(r.Authority)
	}
	a.Protocol = "HTTP/1.1"
	if r.Version == semantics.HTTP10 {
		a.Protocol = "HTTP/1.0"
	}
}
