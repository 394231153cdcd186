package proxy

import (
	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// fromClient is the exchange as its client's connection sees it.
type fromClient exchange

var _ downstream.Exchange = (*fromClient)(nil)

// Serve implements downstream.Server.
func (w *Worker) Serve(c *downstream.Conn, r *semantics.Request, head []byte) {
	if w.isLocal(r) {
		w.serveLocal(c, r, head)
		return
	}
	x := w.begin(c, r, head)
	if x.method == semantics.MethodConnect { // RFC 9110 §9.3.6: tunnels are for forward proxies
		c.Last() // what follows may be meant for the tunnel
		x.answer(answer{status: 501, reason: messages.HTTPRequestDenied, detail: "method CONNECT"})
		return
	}
	switch {
	case isLooping(r):
		x.answer(answerFor(messages.ProxyLoopDetected, ""))
	case !x.endsHere(r):
		x.attempt(r)
	}
}

// Data implements downstream.Exchange. While there is no connection yet the data is kept for it: one read's worth, since
// the client is paused then. Hot path.
func (f *fromClient) Data(b []byte) {
	x := (*exchange)(f)
	x.received += int64(len(b))
	if x.keeps(len(b)) {
		x.body = append(x.body, b...)
	}
	if x.sending {
		x.conn.Data(b)
		x.worker.touchTunnel(x)
	}
}

// keeps decides whether more of the body is kept.
func (x *exchange) keeps(n int) bool {
	switch {
	case !x.sending:
		return true
	case x.forgotten || x.tunnel:
		return false
	case !x.repeatable() || len(x.body)+n > maxReplay:
		x.forgotten = true
		x.body = x.body[:0]
		return false
	}
	return true
}

// End implements downstream.Exchange.
func (f *fromClient) End(trailers []semantics.Field) {
	x := (*exchange)(f)
	x.whole = true
	if x.tunnel {
		x.endHalf(x.line().Shutdown)
		return
	}
	for i := range trailers {
		x.trailers = append(x.trailers, clone(&trailers[i]))
	}
	if x.sending {
		x.conn.EndRequest(x.trailers)
	}
}

func clone(f *semantics.Field) semantics.Field {
	c := *f
	c.Name, c.Value = append([]byte(nil), f.Name...), append([]byte(nil), f.Value...)
	return c
}

// Pushed implements downstream.Exchange.
func (f *fromClient) Pushed() { (*exchange)(f).push() }

// Malformed implements downstream.Exchange.
func (f *fromClient) Malformed(err *h1.Error) {
	x := (*exchange)(f)
	if x.answering {
		x.cut(messages.HTTPRequestError)
		return
	}
	x.answer(answer{status: err.Status, reason: reasonOf(err), detail: err.Detail})
}

// Writable implements downstream.Exchange.
func (f *fromClient) Writable() {
	x := (*exchange)(f)
	if x.conn == nil || x.moveTunnel() {
		return
	}
	x.moveSoon() // the other queue may be empty by then
	x.conn.Resume()
}

// Aborted implements downstream.Exchange.
func (f *fromClient) Aborted(reason messages.Reason) {
	x := (*exchange)(f)
	if reason == messages.ClientTimeout && !x.answering && x.client.Pending() == 0 {
		x.answer(answerFor(reason, ""))
		return
	}
	x.cut(reason)
}

// Crashed implements downstream.Exchange.
func (f *fromClient) Crashed() { (*exchange)(f).crashed() }

// Refuse implements downstream.Server.
func (w *Worker) Refuse(c *downstream.Conn, err *h1.Error) {
	w.refuse(c, answer{status: err.Status, reason: reasonOf(err), detail: err.Detail})
}

// Late implements downstream.Server.
func (w *Worker) Late(c *downstream.Conn) { w.refuse(c, answerFor(messages.ClientTimeout, "")) }

// refuse answers a request that never became an exchange with an attempt.
func (w *Worker) refuse(c *downstream.Conn, a answer) {
	x := w.exchange()
	x.client = c
	x.began = w.loop.Now()
	w.running++
	x.answer(a)
}

func reasonOf(err *h1.Error) messages.Reason {
	if err.Status == 413 {
		return messages.HTTPRequestDenied
	}
	return messages.HTTPRequestError
}
