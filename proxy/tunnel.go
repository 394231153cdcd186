package proxy

import (
	"lb/messages"
	"lb/proxy/semantics"
	"lb/proxy/upstream"
)

// A tunnel relays bytes of another protocol in both directions after a 101 response (RFC 9110 §7.8), each with the same
// back-pressure as a body. A side that ends is ended on the other side too, once its last bytes are sent; the tunnel lives
// until both have ended.

// switchProtocols begins the tunnel, if the client asked for one.
func (x *exchange) switchProtocols(r *semantics.Response) {
	w := x.worker
	protocol := upgradeOf(r.Fields)
	if !x.upgrade || protocol == nil {
		x.cancel()
		w.outcome(x, messages.HTTPUpgradeFailed)
		x.answer(answerFor(messages.HTTPUpgradeFailed, "101 without a request for it"))
		return
	}
	w.forwardResponse(r)
	x.settle(r)
	x.tunnel, x.whole = true, false
	x.answers(r.Status)
	x.client.Switch(r, protocol)
	x.line().Tunnel()
	x.moveSoon()
}

// line is the backend's side of a tunnel. Only a connection of HTTP/1.1 becomes one (RFC 9113 §8.6).
func (x *exchange) line() *upstream.Conn { return x.conn.(*upstream.Conn) }

// touchTunnel keeps both sides of a tunnel from being idle while one of them is not.
func (w *Worker) touchTunnel(x *exchange) {
	if x.tunnel {
		x.client.Touch()
		x.line().Touch()
	}
}

// endHalf passes the end of one side on. The bytes before it were sent or are queued; shut waits for the queue.
func (x *exchange) endHalf(shut func()) {
	if x.halfEnded {
		x.endTunnel(messages.NoReason)
		return
	}
	x.halfEnded = true
	shut()
}

func (x *exchange) endTunnel(reason messages.Reason) {
	x.reason = reason
	c, line := x.client, x.line()
	x.left()
	x.end()
	line.Finish()
	c.Finish()
}
