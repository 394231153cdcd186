package health

import (
	"fmt"
	"time"

	"lb/messages"
)

// Machine is the health of one backend. New makes one; its methods belong to one goroutine. A copy goes on from where the
// original stood, and independently of it.
type Machine struct {
	rules    Rules
	state    messages.State // Up or Down, as the evidence has it
	since    time.Time      // when the evidence led there
	streak   int            // verdicts in a row that speak against the state
	proven   bool           // it has shown life once
	draining bool
}

// Transition is a change of the state that a user sees.
type Transition struct {
	At       time.Time
	From, To messages.State
	Reason   string // "failures in a row: 3, the last: probe connection_refused"
}

// New makes a machine that is Up: until something speaks against a backend it may serve. As long as nothing has spoken
// for it, one failing probe is enough.
func New(rules Rules, now time.Time) *Machine {
	return &Machine{rules: rules, state: messages.Up, since: now}
}

// State is what the backend is to be treated as.
func (m *Machine) State() messages.State {
	if m.draining {
		return messages.Draining
	}
	return m.state
}

// Wavers reports whether the last evidence spoke against the state.
func (m *Machine) Wavers() bool { return m.streak > 0 }

// Attempt counts the end of an attempt.
func (m *Machine) Attempt(now time.Time, a Attempt) (t Transition, changed bool) {
	v, counts := a.verdict()
	if !counts {
		return Transition{}, false
	}
	return m.count(now, v)
}

// Probe counts the end of a probe.
func (m *Machine) Probe(now time.Time, p Probe) (t Transition, changed bool) {
	return m.count(now, p.verdict(m.rules))
}

// Drain forces the state Draining until Resume.
func (m *Machine) Drain(now time.Time) (t Transition, changed bool) {
	return m.change(now, "drain ordered", func() { m.draining = true })
}

// Resume ends a drain: the evidence has its say again, that of the meantime included.
func (m *Machine) Resume(now time.Time) (t Transition, changed bool) {
	return m.change(now, "drain ended", func() { m.draining = false })
}

// Adjust changes the rules and keeps what is known. A backend that shall never be ejected comes back at once.
func (m *Machine) Adjust(now time.Time, rules Rules) (t Transition, changed bool) {
	m.rules = rules
	if rules.Fall > 0 || m.state == messages.Up {
		return Transition{}, false
	}
	return m.change(now, "never to be ejected any more", func() { m.turn(now, messages.Up) })
}

func (m *Machine) count(now time.Time, v verdict) (t Transition, changed bool) {
	if !v.began.IsZero() && v.began.Before(m.since) {
		return Transition{}, false
	}
	m.proven = m.proven || v.passed
	if v.passed == (m.state == messages.Up) {
		m.streak = 0
		return Transition{}, false
	}
	m.streak++
	switch {
	case m.state == messages.Up && m.rules.Fall > 0 && !m.proven && v.probed:
		return m.change(now, "no success yet: "+v.what, func() { m.turn(now, messages.Down) })
	case m.state == messages.Up && m.rules.Fall > 0 && m.streak >= m.rules.Fall:
		return m.change(now, m.reason("failures", v), func() { m.turn(now, messages.Down) })
	case m.state == messages.Down && m.streak >= m.rules.Rise:
		return m.change(now, m.reason("successes", v), func() { m.turn(now, messages.Up) })
	}
	return Transition{}, false
}

func (m *Machine) reason(verdicts string, last verdict) string {
	return fmt.Sprintf("%s in a row: %d, the last: %s", verdicts, m.streak, last.what)
}

func (m *Machine) turn(now time.Time, to messages.State) {
	m.state, m.since, m.streak = to, now, 0
}

// change applies fn and reports what it changed for those who look on.
func (m *Machine) change(now time.Time, reason string, fn func()) (t Transition, changed bool) {
	from := m.State()
	fn()
	to := m.State()
	if from == to {
		return Transition{}, false
	}
	return Transition{At: now, From: from, To: to, Reason: reason}, true
}
