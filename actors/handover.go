package actors

import (
	"fmt"
	"slices"

	"lb/actors/health"
	"lb/messages"
)

// What is known of the backends when a process takes over from another one: none is forgotten, and none that is down
// gets requests until somebody finds out anew.

// Records returns what is known of the backends.
func (b *Balancer) Records() ([]messages.BackendRecord, error) {
	future := b.system.Root.RequestFuture(b.backends, messages.BackendsRecorded{}, answerWithin)
	records, err := answer[[]messages.BackendRecord](future)
	if err != nil {
		return nil, fmt.Errorf("backends: %w", err)
	}
	return records, nil
}

// CloseDoors ends the pages and the taking of orders: whoever holds the sockets as well does that from now on.
func (b *Balancer) CloseDoors() {
	if b.admin != nil {
		b.system.Root.Send(b.admin, leaveDoors{})
	}
}

// records are those of the backends that have been found up or down.
func (l *ledger) records() []messages.BackendRecord {
	list := make([]messages.BackendRecord, 0, len(l.entries))
	for id, e := range l.entries {
		s := &e.last
		if s.since.IsZero() {
			continue
		}
		r := messages.BackendRecord{
			ID: id, Since: s.since, Why: s.why, Drained: e.drained, Weight: e.weight, Configured: e.backend.Weight,
			Passed: s.passed, Failed: s.failed, Changes: s.changes,
		}
		if machine := s.machine; machine.Fallen() {
			r.State = messages.Down
		}
		list = append(list, r)
	}
	return list
}

// adopt makes entries of records. Those of backends that are not in the configuration go when it is reconciled.
func (l *ledger) adopt(records []messages.BackendRecord) {
	for i, r := range records {
		l.entries[r.ID] = &entry{
			backend: messages.Backend{Weight: r.Configured}, weight: r.Weight, drained: r.Drained,
			delay: firstProbe(i, len(records), l.config.Health.Interval),
			last:  standingOf(r, rules(l.config.Health)),
		}
	}
}

func standingOf(r messages.BackendRecord, by health.Rules) standing {
	machine := health.From(by, r.State, r.Since)
	if r.Drained {
		machine.Drain(r.Since)
	}
	return standing{
		id: r.ID, state: machine.State(), since: r.Since, why: r.Why, machine: *machine,
		passed: r.Passed, failed: r.Failed, changes: r.Changes,
	}
}

// Adopt serves connections that another process has handed over. It owns the descriptors.
func (b *Balancer) Adopt(what messages.Moved, fds []int) {
	b.system.Root.Send(b.workers, adopt{what, fds})
}

// adopt deals connections out to the workers that serve, or to all, if none does yet. Those of a tunnel stay together.
func (w *workers) adopt(m adopt) {
	to := w.takers()
	if _, tunnel := m.what.(messages.TunnelMoved); tunnel {
		w.system.Root.Send(w.nextOf(to).pid, m)
		return
	}
	shares := make(map[*child][]int, len(to))
	for _, fd := range m.fds {
		c := w.nextOf(to)
		shares[c] = append(shares[c], fd)
	}
	for c, fds := range shares {
		w.system.Root.Send(c.pid, adopt{m.what, fds})
	}
}

func (w *workers) takers() []*child {
	serving := slices.DeleteFunc(slices.Clone(w.children), func(c *child) bool { return !c.serves })
	if len(serving) == 0 {
		return w.children
	}
	return serving
}

// nextOf takes turns.
func (w *workers) nextOf(takers []*child) *child {
	w.adopted++
	return takers[w.adopted%len(takers)]
}
