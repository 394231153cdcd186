package proxy

import (
	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/h1"
	"lb/proxy/loop"
	"lb/proxy/semantics"
	"lb/proxy/transport"
	"lb/proxy/upstream"
)

// A tunnel of which nothing waits here can be relayed by another process as well as by this one: what both sides send
// meanwhile waits in the kernel and goes with their sockets.

// moveTunnels has those tunnels leave that can. The others follow as soon as their queues are empty.
func (w *Worker) moveTunnels() {
	for _, c := range w.clients.Tunnels() {
		(*exchange)(c.(*fromClient)).moveTunnel()
	}
}

// moveTunnel has a tunnel leave, if somebody takes it and it can, and reports whether it has. No code of its
// connections may be on the stack but that which tells that a queue is empty.
func (x *exchange) moveTunnel() bool {
	w := x.worker
	if w.clients.Move == nil || !x.movable() {
		return false
	}
	c, line, what := x.client, x.line(), x.onTheMove()
	fds := []int{c.Release(), line.Release()}
	x.left()
	w.running--
	w.recycle(x) // neither counted nor logged: that is for whoever sees the end
	w.clients.Move(what, fds)
	w.Left(c)
	return true
}

func (x *exchange) movable() bool {
	return x.tunnel && !x.halfEnded && x.client != nil && x.conn != nil && x.client.TunnelMovable() && x.line().Movable()
}

// moveSoon is moveTunnel in the next round, if somebody takes tunnels.
func (x *exchange) moveSoon() {
	if x.tunnel && x.worker.clients.Move != nil {
		x.worker.loop.Again((*mover)(x))
	}
}

// mover is an exchange that may have become a tunnel which can leave. It may also have ended meanwhile, or be another.
type mover exchange

// Ready implements loop.Handler.
func (m *mover) Ready(loop.Events) { (*exchange)(m).moveTunnel() }

// Crashed closes what belonged to it.
func (m *mover) Crashed() { (*fromBackend)(m).Crashed() }

// onTheMove is what is known of a tunnel.
func (x *exchange) onTheMove() messages.TunnelMoved {
	now := x.worker.loop.Now()
	return messages.TunnelMoved{
		Backend: x.backend.id, Head: append([]byte(nil), x.head...), RequestID: string(x.id), Attempts: x.attempts,
		Began: x.worker.loop.Wall().Add(-since(x.began, now)), FirstByte: since(x.began, x.responded),
		Received: x.received, Sent: x.sent,
	}
}

// AdoptTunnel goes on with a tunnel that another process, or another worker, has handed over, and owns its two sockets.
func (w *Worker) AdoptTunnel(t *messages.TunnelMoved, client, line int) {
	x := w.exchange()
	c, err := w.clients.AdoptTunnel(client, transport.PeerOf(client), (*fromClient)(x))
	if err != nil {
		w.stats.Refused++
		w.recycle(x)
		transport.Discard(line)
		return
	}
	b := w.named(t.Backend)
	conn, err := b.pool.AdoptTunnel(line, (*fromBackend)(x))
	if err != nil {
		w.stats.Refused++
		w.recycle(x)
		c.Abort()
		return
	}
	x.resume(t, c, conn, b)
}

// resume takes up the exchange where it was left.
func (x *exchange) resume(t *messages.TunnelMoved, c *downstream.Conn, conn *upstream.Conn, b *backend) {
	w := x.worker
	x.client, x.conn, x.backend = c, conn, b
	w.running++
	b.stats.InFlight++
	x.occupy(&b.member)
	x.head, x.id = append(x.head[:0], t.Head...), append(x.id[:0], t.RequestID...)
	x.flags = flags{upgrade: true, sending: true, forgotten: true, answering: true, tunnel: true}
	x.attempts, x.received, x.sent, x.status = t.Attempts, t.Received, t.Sent, 101
	x.began = w.loop.Now() - int64(w.loop.Wall().Sub(t.Began))
	x.responded = x.began + int64(t.FirstByte)
	x.recall()
	x.moveSoon() // it may have come to one who is about to go as well
}

// recall reads the head of another process's request. That may be of another version than we are, and take heads that
// we do not: then nothing is known of it.
func (x *exchange) recall() {
	r := &x.worker.request
	limits := h1.Limits{HeadBytes: len(x.head), TargetBytes: len(x.head), Fields: len(x.head)}
	n, err := h1.ParseRequest(x.head, r, &limits)
	if n == 0 || err != nil {
		x.head = x.head[:0]
		return
	}
	x.method = semantics.MethodOf(r.Method)
}

// named is the backend of that ID. One that the configuration does not have is there for its tunnels only.
func (w *Worker) named(id string) *backend {
	if b := w.backends[id]; b != nil {
		return b
	}
	b := &backend{id: id, pool: w.pool.Former(id)}
	b.member.Owner = b
	return b
}
