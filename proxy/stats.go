package proxy

import "lb/messages"

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
