package proxy

import (
	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/h1"
	"lb/proxy/loop"
	"lb/proxy/semantics"
)

// localPath is the one target that lb answers itself when it is told how: monitoring expects it on the traffic port.
const localPath = "/metrics"

// localPiece is how much of a local answer is written at a time. The rest waits for the client, as any response does.
const localPiece = 64 << 10

// local is an exchange that the control plane answers. It has no backend and is no traffic: it is logged, not counted.
type local struct {
	exchange *exchange // for the log; nil once it is over
	kind     string    // the body's Content-Type
	body     []byte    // what is still to be written
	whole    bool      // the request has come to its end
	told     bool      // the answer has come
	answered bool      // its head is written
}

var _ downstream.Exchange = (*local)(nil)

// isLocal reports whether a request is for lb itself. Hot path.
func (w *Worker) isLocal(r *semantics.Request) bool {
	return w.options.Local != nil && string(r.Path) == localPath && string(r.Method) == "GET"
}

// serveLocal asks the control plane. Its answer comes back by way of the loop; the client may be gone by then.
func (w *Worker) serveLocal(c *downstream.Conn, r *semantics.Request, head []byte) {
	x := w.exchange()
	x.client, x.began = c, w.loop.Now()
	x.head = append(x.head[:0], head...)
	l := &local{exchange: x}
	c.Begin(l)
	w.options.Local(string(r.Path), func(status int, contentType string, body []byte) {
		w.loop.Schedule(func() { l.take(status, contentType, body) })
	})
}

// take takes the answer. It is written in a turn of the exchange's own: a panic in a function of nobody's would leave the
// client without an answer and without an end.
func (l *local) take(status int, contentType string, body []byte) {
	x := l.exchange
	if x == nil || l.told {
		return
	}
	l.told, l.kind, l.body = true, contentType, body
	x.status = status
	x.worker.loop.Again(l)
}

// Ready implements loop.Handler.
func (l *local) Ready(loop.Events) {
	if l.exchange != nil && !l.answered {
		l.answer()
	}
}

func (l *local) answer() {
	l.answered = true
	x, body := l.exchange, l.body
	c, w := x.client, x.worker
	f := &w.forward
	f.values = f.values[:0]
	length := f.keep(func(b []byte) []byte { return number(b, len(body)) })
	r := &w.response
	r.Reset()
	r.Status, r.Version, r.Length = x.status, semantics.HTTP11, int64(len(body))
	r.Fields = append(r.Fields,
		field(nameDate, w.date()),
		field([]byte("Content-Type"), []byte(l.kind)),
		field([]byte("Cache-Control"), []byte("no-store")),
		semantics.Field{Name: []byte("Content-Length"), Value: length, Kind: semantics.ContentLength},
	)
	if !l.whole {
		c.Last()
	}
	c.Respond(r)
	l.write()
}

// write writes the body until the client does not keep up, or to its end.
func (l *local) write() {
	x := l.exchange
	c := x.client
	for {
		piece := l.body[:min(len(l.body), localPiece)]
		l.body = l.body[len(piece):]
		x.sent += int64(len(piece))
		c.Data(piece)
		if !c.Flush() {
			l.end(messages.ClientClosed)
			c.Abort()
			return
		}
		if len(l.body) == 0 {
			break
		}
		if c.Pending() > 0 {
			return // to be continued in Writable
		}
	}
	l.end(messages.NoReason)
	c.Done()
}

func (l *local) end(reason messages.Reason) {
	x := l.exchange
	x.reason = reason
	x.worker.log(x)
	l.exchange, l.body = nil, nil
	x.worker.recycle(x)
}

// Data implements downstream.Exchange. A body of such a request has no meaning (RFC 9110 §9.3.1).
func (l *local) Data(b []byte) { l.exchange.received += int64(len(b)) }

// End implements downstream.Exchange.
func (l *local) End([]semantics.Field) { l.whole = true }

// Pushed implements downstream.Exchange.
func (l *local) Pushed() {}

// Malformed implements downstream.Exchange.
func (l *local) Malformed(err *h1.Error) {
	x := l.exchange
	c := x.client
	if l.answered {
		l.end(messages.HTTPRequestError)
		c.Abort()
		return
	}
	x.status = err.Status
	x.sent += int64(x.worker.write(c, answer{status: err.Status, reason: reasonOf(err), detail: err.Detail}, false))
	l.end(reasonOf(err))
	c.Done()
}

// Writable implements downstream.Exchange.
func (l *local) Writable() {
	if l.exchange != nil && l.answered {
		l.write()
	}
}

// Aborted implements downstream.Exchange.
func (l *local) Aborted(reason messages.Reason) { l.end(reason) }

// Crashed implements downstream.Exchange, and tells of a panic in its own turn. The exchange for the log is not reused.
func (l *local) Crashed() {
	x := l.exchange
	l.exchange, l.body = nil, nil
	if x != nil {
		x.client.Abort()
	}
}
