package proxy

import (
	"lb/messages"
	"lb/proxy/balance"
	"lb/proxy/loop"
	"lb/proxy/upstream"
)

// standing is what a worker holds of a backend's fitness: the control plane's word, and its own evidence since.
type standing struct {
	state    messages.State
	reached  bool  // it has an address
	failures int   // in a row that speak against it
	until    int64 // loop time at which it is tried again; 0: it is not ejected
}

// ejection is how a worker passes a backend over on its own evidence, before the control plane knows: until that has spoken,
// in a newer snapshot, or the time between two probes is over. Then it would have noticed.
type ejection struct {
	worker *Worker
	timer  loop.Timer
	order  []*backend // of the snapshot
}

// stand takes the word of a snapshot, which ends what the worker thought by itself.
func (b *backend) stand(m *messages.Member) {
	b.standing = standing{state: m.State, reached: len(m.Addresses) > 0}
}

// outcome tells the control plane how the last attempt of an exchange failed, and of the first success after that. Hot path.
func (w *Worker) outcome(x *exchange, reason messages.Reason) {
	b, failed := x.backend, reason != messages.NoReason
	if !failed && !b.failing {
		return
	}
	b.failing = failed
	if failed {
		b.stats.Failures[reason]++
	}
	w.judge(b, reason)
	if w.options.Report != nil {
		began := w.loop.Wall().Add(-since(x.attempted, w.loop.Now()))
		w.options.Report(messages.Outcome{Backend: b.id, Reason: reason, Worker: w.options.Number, Began: began})
	}
}

// stale counts the failure of a connection that its backend ended while it was idle, or as the request came: it may do so at
// any time (RFC 9112 §9.5), so that nothing speaks against the backend. A fresh connection will tell.
func (w *Worker) stale(b *backend) { b.stats.Failures[messages.ConnectionTerminated]++ }

// blame says whose fault a failed attempt was. The first backend that fails at a request is to blame for it; those after it
// are not: it may be that none can stand the request, and each would be said to fail because of it.
func (x *exchange) blame(f *upstream.Failure) {
	switch {
	case f.Reused && f.Reason == messages.ConnectionTerminated:
		x.worker.stale(x.backend)
	case f.Sent && x.suspect:
		x.backend.stats.Failures[f.Reason]++
	default:
		x.suspect = x.suspect || f.Sent
		x.worker.outcome(x, f.Reason)
	}
}

// judge counts the end of an attempt, and ejects the backend at the same number of failures as the control plane does.
func (w *Worker) judge(b *backend, reason messages.Reason) {
	switch {
	case reason == messages.NoReason:
		b.failures = 0
	case reason.BlamesBackend():
		b.failures++
		if fall := w.config.Health.Fall; fall > 0 && b.failures >= fall && b.until == 0 && w.sparesEnough() {
			b.until = w.loop.Now() + int64(w.config.Health.Interval)
			w.loop.Arm(&w.ejection.timer, b.until)
			w.chooseUsable()
		}
	}
}

// sparesEnough reports whether another backend may be ejected: at least half of those that are not known to be down stay. The
// control plane, which knows whose word took them down, looks closer, and speaks soon.
func (w *Worker) sparesEnough() bool {
	out, all := 1, 0
	for _, b := range w.ejection.order {
		switch {
		case !b.reached || b.state == messages.Draining || b.state == messages.Down:
			continue
		case b.until != 0:
			out++
		}
		all++
	}
	return 2*out <= all
}

// Expired implements loop.Expirer: ejected backends whose time is over are tried again.
func (e *ejection) Expired(now int64) (next int64) {
	for _, b := range e.order {
		if b.until != 0 && b.until <= now {
			b.failures, b.until = 0, 0
		}
		if b.until != 0 && (next == 0 || b.until < next) {
			next = b.until
		}
	}
	e.worker.chooseUsable()
	return next
}

// chooseUsable has the balancer pick from the backends that are up. What the worker has ejected by itself counts for as long
// as another one is left, which a snapshot may change: a doubtful backend is better than none.
func (w *Worker) chooseUsable() {
	trusted := w.members(func(b *backend) bool { return b.state == messages.Up && b.until == 0 })
	if len(trusted) == 0 {
		trusted = w.members(func(b *backend) bool { return b.state == messages.Up })
	}
	if len(trusted) == 0 && w.config.FailOpen {
		trusted = w.members(func(b *backend) bool { return b.state == messages.Down && b.reached })
	}
	w.choose(trusted)
}

func (w *Worker) members(wanted func(*backend) bool) []*balance.Member {
	list := make([]*balance.Member, 0, len(w.ejection.order))
	for _, b := range w.ejection.order {
		if wanted(b) {
			list = append(list, &b.member)
		}
	}
	return list
}
