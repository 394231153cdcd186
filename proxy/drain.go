package proxy

import (
	"time"

	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/loop"
	"lb/proxy/transport"
)

// drain is how a worker comes to its end.
type drain struct {
	done  func(cut int) // nil: it does not
	until int64         // loop time
	idle  bool          // idle connections are closed
	cut   int
	timer loop.Timer
}

// Drain accepts what is queued and nothing after it, announces the end on every response, and lets exchanges finish for
// so long; then the rest is cut off. done is told how many were. When it is called again meanwhile, the end that comes
// first holds, and both are told; nothing is handed over any more.
func (w *Worker) Drain(within time.Duration, done func(cut int)) {
	w.clients.Move = nil
	w.drainWithin(within, done)
}

func (w *Worker) drainWithin(within time.Duration, done func(cut int)) {
	for fd, l := range w.listeners {
		l.socket.Empty()
		w.Unlisten(fd)
	}
	w.clients.Draining = true
	if w.clients.Move != nil {
		w.clients.MoveIdle()
		w.moveTunnels()
	}
	now := w.loop.Now()
	until := now + int64(max(within, 0))
	if before := w.drain.done; before != nil {
		until = min(until, w.drain.until)
		also := done
		done = func(cut int) { before(cut); also(cut) }
	}
	w.drain.done, w.drain.until = done, until
	w.loop.Arm(&w.drain.timer, min(w.drain.until, now+int64(downstream.Chance)))
	w.drained()
}

// HandOver is Drain, except that connections which wait for a request do not end, nor do tunnels without TLS: take gets
// their sockets, at once or when their exchange is over or the tunnel's queues are empty. Of a tunnel these are the
// client's and the backend's. take is called on the loop's thread, must not block, and owns the sockets.
func (w *Worker) HandOver(within time.Duration, take func(what messages.Moved, fds []int), done func(cut int)) {
	w.clients.Move = take
	w.drainWithin(within, done)
}

// Adopt serves a connection of a client that another process has handed over. It owns the socket.
func (w *Worker) Adopt(fd int) {
	if err := w.clients.Adopt(fd, transport.PeerOf(fd)); err != nil {
		w.stats.Refused++
	}
}

// Among says that so many workers share the process's limit of connections from now on.
func (w *Worker) Among(workers int) { w.options.Workers = workers }

// Discard closes a socket that was to be handed over when there is nobody to take it.
func Discard(fd int) { transport.Discard(fd) }

// Expired implements loop.Expirer for the drain.
func (w *Worker) Expired(now int64) (next int64) {
	if w.drain.done == nil {
		return 0
	}
	if now < w.drain.until {
		w.drain.idle = true
		w.clients.CloseIdle()
		return w.drain.until
	}
	w.drain.cut = w.running
	w.clients.Abort(messages.DrainExpired)
	w.drained()
	return 0
}

// drained ends the drain when nothing is left.
func (w *Worker) drained() {
	if w.clients.Open() > 0 || w.drain.done == nil {
		return
	}
	done := w.drain.done
	w.drain.done = nil
	w.loop.Disarm(&w.drain.timer)
	defer done(w.drain.cut) // whoever waits for it is told even if the pool panics
	w.pool.Close()
}
