package proxy

import (
	"fmt"
	"net/netip"
	"time"

	"lb/proxy/downstream"
	"lb/proxy/loop"
	"lb/proxy/transport"
)

// starvedFor is how long nothing is accepted when the process has no descriptor left and none of ours is closed meanwhile.
const starvedFor = 100 * time.Millisecond

// listener is a listening socket that the worker accepts from: its own, or that of a neighbour who is away.
type listener struct {
	worker *Worker
	socket *transport.Listener
	timer  loop.Timer // ends a pause for want of descriptors
}

// Listen accepts connections from fd, a non-blocking listening socket which stays the caller's. It may be one that another
// worker accepts from as well.
func (w *Worker) Listen(fd int) error {
	if w.listeners[fd] != nil {
		return nil
	}
	l := &listener{worker: w}
	l.timer.Owner = l
	socket, err := w.net.Listen(fd, l)
	if err != nil {
		return fmt.Errorf("worker %d: listen on descriptor %d: %w", w.options.Number, fd, err)
	}
	l.socket = socket
	w.listeners[fd] = l
	return nil
}

// Unlisten accepts no more from fd.
func (w *Worker) Unlisten(fd int) {
	if l := w.listeners[fd]; l != nil {
		w.loop.Disarm(&l.timer)
		l.socket.Close()
		delete(w.listeners, fd)
	}
}

func (w *Worker) stopListening() {
	for fd := range w.listeners {
		w.Unlisten(fd)
	}
}

// accept serves a new connection and reports whether there is room for more.
func (w *Worker) accept(fd int, peer netip.AddrPort) (more bool) {
	w.stats.Accepted++
	if err := w.clients.Adopt(fd, peer); err != nil {
		w.stats.Refused++
	}
	return w.room()
}

// room reports whether another connection may be accepted. Those beyond the limit wait in the socket's queue.
func (w *Worker) room() bool {
	limit := w.config.Limits.Connections
	return limit == 0 || w.clients.Open() < max(1, limit/max(1, w.options.Workers))
}

// Left implements downstream.Server.
func (w *Worker) Left(*downstream.Conn) {
	if w.drain.done != nil {
		w.drained()
		return
	}
	w.acceptMore()
}

// acceptMore ends a pause if there is room.
func (w *Worker) acceptMore() {
	if w.room() {
		for _, l := range w.listeners {
			l.socket.Resume()
		}
	}
}

// Starved implements transport.Acceptor.
func (l *listener) Starved(error) {
	l.worker.loop.Arm(&l.timer, l.worker.loop.Now()+int64(starvedFor))
}

// Expired implements loop.Expirer.
func (l *listener) Expired(int64) (next int64) {
	l.worker.acceptMore()
	return 0
}
