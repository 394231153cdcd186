//go:build sim

package sim

import (
	"slices"
	"time"

	"lb/actors/health"
	"lb/messages"
)

// The control plane: what the actors would make of orders, outcomes and probes.

// began is the wall clock at the beginning.
var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (w *world) wall() time.Time { return began.Add(time.Duration(w.kernel.agenda.now)) }

func (w *world) rules() health.Rules {
	return health.Rules{Fall: w.config.Health.Fall, Rise: w.config.Health.Rise}
}

// publish makes a snapshot, which reaches the worker a little later, by way of its loop.
func (w *world) publish() {
	w.generation++
	s := &messages.Snapshot{Generation: w.generation, Config: w.config}
	for _, h := range w.hosts {
		if h.listed || h.drained {
			s.Config.Backends = append(s.Config.Backends, h.backend)
			m := messages.Member{Backend: h.backend, State: h.machine.State(), Share: one(w.dice, 0, 0, 0, 30)}
			m.Addresses = append(m.Addresses, h.address)
			s.Members = append(s.Members, m)
		}
	}
	w.kernel.agenda.after(w.dice.span(0, time.Millisecond), -1, func() {
		w.loop.Schedule(func() { w.apply(s) })
	})
}

func (w *world) apply(s *messages.Snapshot) {
	if w.applied != nil && s.Generation <= w.applied.Generation {
		return
	}
	w.applied = s
	w.trace("snapshot %d: %s", s.Generation, members(s))
	w.worker.Apply(s)
	for _, h := range w.hosts {
		switch usable := w.usable(h); {
		case !usable && h.usableFrom > 0:
			h.usableFrom, h.unusableFrom = 0, w.kernel.agenda.now
		case !usable:
		case h.usableFrom == 0:
			h.usableFrom = w.kernel.agenda.now
		}
	}
	none := !slices.ContainsFunc(w.hosts, w.usable)
	if none || w.bare {
		w.unusable = w.kernel.agenda.now
	}
	w.bare = none
}

func members(s *messages.Snapshot) (text string) {
	for _, m := range s.Members {
		text += m.Backend.ID() + " " + m.State.String() + ", "
	}
	return text + s.Config.Strategy.String()
}

// usable says whether the worker may use a host: it is up, or it is down and nobody is up. That the worker may pass it
// over on its own evidence is not asked here.
func (w *world) usable(h *host) bool {
	up := false
	for _, m := range w.applied.Members {
		if m.State != messages.Up {
			continue
		}
		if up = true; m.Backend.ID() == h.backend.ID() {
			return true
		}
	}
	return !up && w.config.FailOpen && slices.ContainsFunc(w.applied.Members, func(m messages.Member) bool {
		return m.Backend.ID() == h.backend.ID() && m.State == messages.Down
	})
}

// report takes an outcome from the worker.
func (w *world) report(o messages.Outcome) {
	i := slices.IndexFunc(w.hosts, func(h *host) bool { return h.backend.ID() == o.Backend })
	h := w.hosts[i]
	w.trace("outcome of host %d: %v", h.number, o.Reason)
	if w.profile.calm && o.Failed() {
		w.fail("outcome of host %d: %v, and nothing went wrong", h.number, o.Reason)
	}
	if o.Failed() {
		h.faulted = w.kernel.agenda.now
	}
	_, changed := h.machine.Attempt(w.wall(), health.Attempt{Began: o.Began, Reason: o.Reason})
	if changed {
		w.publish()
	}
}

// probes looks at a host from time to time.
func (w *world) probes(h *host) {
	interval := w.config.Health.Interval
	w.kernel.agenda.after(h.dice.span(interval*9/10, interval*11/10), -2000-h.number, func() {
		p := health.Probe{Began: w.wall(), Status: 200}
		if h.mode != listening {
			p.Reason = messages.ConnectionRefused
		}
		if _, changed := h.machine.Probe(w.wall(), p); changed {
			w.publish()
		}
		if w.busy() {
			w.probes(h)
		}
	})
}

// orders has the configuration changed some times.
func (w *world) orders() {
	for range w.profile.orders {
		w.kernel.agenda.after(w.dice.span(0, w.profile.arrivals+time.Second), -1, func() {
			if w.busy() {
				w.order()
				w.publish()
			}
		})
	}
	if w.profile.drains {
		w.kernel.agenda.after(w.dice.span(4*time.Millisecond, 5*time.Millisecond+w.profile.arrivals*2), -1, w.drain)
	}
}

// order changes something. In a calm world one backend is always left.
func (w *world) order() {
	h := one(w.dice, w.hosts...)
	others := 0
	for _, o := range w.hosts {
		if o != h && o.listed && o.machine.State() == messages.Up {
			others++
		}
	}
	switch w.dice.IntN(6) {
	case 0:
		w.config.Strategy = messages.Strategy(w.dice.IntN(len(messages.Strategies())))
	case 1:
		w.config.AccessLog = one(w.dice, messages.AccessOn, messages.AccessErrors, messages.AccessOff)
	case 2:
		h.backend.Weight = w.dice.between(1, 9)
	case 3:
		if others > 0 {
			h.listed = false
		}
	case 4:
		if others > 0 || !w.profile.calm {
			h.machine.Drain(w.wall())
		}
	default:
		h.listed = true
		h.machine.Resume(w.wall())
	}
	w.trace("order: host %d listed %v, %v", h.number, h.listed, h.machine.State())
}

// draining is a drain of the worker.
type draining struct {
	until int64
	done  bool
	cut   int
}

func (w *world) drain() {
	within := one(w.dice, 0, 100*time.Millisecond, 2*time.Second, 20*time.Second)
	w.loop.Schedule(func() {
		w.trace("drain within %v", within)
		d := &draining{until: w.kernel.agenda.now + int64(within)}
		w.drained = d
		w.worker.Drain(within, func(cut int) {
			w.trace("drained, %d cut", cut)
			if d.done {
				w.fail("drained twice")
			}
			d.done, d.cut = true, cut
			w.hangUp()
		})
	})
	w.kernel.agenda.after(within+slack+10*time.Millisecond, -1, func() {
		if d := w.drained; d == nil || !d.done {
			w.fail("a drain of %v is not over", within)
		}
	})
}

// hangUp closes the listener, whose queue is reset.
func (w *world) hangUp() {
	l := w.kernel.listener
	for _, s := range l.backlog {
		s.abort()
	}
	l.backlog = nil
	l.close()
	w.kernel.forget(l)
}
