package health

import (
	"time"

	"lb/messages"
)

// From makes a machine that goes on where another one stood, that of another process say: up or down since then. It
// is not a new one.
func From(rules Rules, state messages.State, since time.Time) *Machine {
	m := New(rules, since)
	m.proven = true
	if state == messages.Down {
		m.state = messages.Down
	}
	return m
}

// Fallen reports whether the evidence has taken the backend down, whatever was ordered.
func (m *Machine) Fallen() bool { return m.state == messages.Down }
