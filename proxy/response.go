package proxy

import (
	"lb/messages"
	"lb/proxy/semantics"
	"lb/proxy/transport"
	"lb/proxy/upstream"
)

// fromBackend is the exchange as its backend's connection sees it.
type fromBackend exchange

var _ upstream.Exchange = (*fromBackend)(nil)

// Connected implements upstream.Exchange.
func (f *fromBackend) Connected(a upstream.Attempt) {
	f.conn = a
	(*exchange)(f).sendAgain()
}

// Response implements upstream.Exchange. Hot path.
func (f *fromBackend) Response(r *semantics.Response) {
	x := (*exchange)(f)
	w := x.worker
	switch r.Status {
	case 101:
		x.switchProtocols(r)
		return
	case 408:
		if x.untimely(r) {
			return
		}
	}
	w.forwardResponse(r)
	if r.Interim() {
		x.interim = true
		x.client.Interim(r)
		return
	}
	x.settle(r)
	x.answers(r.Status)
	x.client.Respond(r)
}

// Data implements upstream.Exchange. Hot path.
func (f *fromBackend) Data(b []byte) {
	x := (*exchange)(f)
	x.sent += int64(len(b))
	x.client.Data(b)
	x.worker.touchTunnel(x)
}

// Pushed implements upstream.Exchange. Hot path.
func (f *fromBackend) Pushed() {
	x := (*exchange)(f)
	if !x.client.Flush() {
		x.cut(messages.ClientClosed)
		return
	}
	switch {
	case x.client.Pending() > 0:
		x.conn.Pause()
	case x.conn.Abundant() && x.client.Room() >= roomFor(transport.WideSize):
		x.conn.Widen()
	}
}

// End implements upstream.Exchange. Hot path.
func (f *fromBackend) End(trailers []semantics.Field) {
	x := (*exchange)(f)
	if x.tunnel {
		x.endHalf(x.client.Shutdown)
		return
	}
	c := x.client
	x.conn = nil
	x.left()
	c.End(trailers)
	x.worker.outcome(x, messages.NoReason)
	if !c.FlushLast() {
		x.cut(messages.ClientClosed)
		return
	}
	x.end()
	c.Done()
}

// Writable implements upstream.Exchange.
func (f *fromBackend) Writable() {
	x := (*exchange)(f)
	if x.moveTunnel() {
		return
	}
	x.moveSoon() // the other queue may be empty by then
	x.client.Resume()
}

// Failed implements upstream.Exchange.
func (f *fromBackend) Failed(failure upstream.Failure) { (*exchange)(f).failed(&failure) }

// Crashed implements upstream.Exchange.
func (f *fromBackend) Crashed() {
	if c := f.client; c != nil {
		(*exchange)(f).crashed()
		c.Abort()
	}
}
