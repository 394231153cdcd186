package main

import (
	"slices"

	"lb/messages"
)

// warnings say what the settings give up, and which of them do nothing beside the others. Each is one line.
func (s settings) warnings() []string {
	var lines []string
	if line := tlsWarning(s.Config); line != "" {
		lines = append(lines, line)
	}
	return append(lines, s.ineffective()...)
}

// ineffective names the settings that others keep from being heeded.
func (s settings) ineffective() (lines []string) {
	warn := func(when bool, line string) {
		if when {
			lines = append(lines, line)
		}
	}
	c := s.Config
	weighs := func(b messages.Backend) bool { return b.Weight != 1 }
	warn(c.Strategy == messages.RoundRobin && slices.ContainsFunc(c.Backends, weighs),
		"weights have no effect on round_robin; did you mean -s weighted?")
	warn(c.Strategy != messages.Hash && c.HashKey.Kind != messages.KeyClient,
		"the hash key has no effect on "+c.Strategy.String()+"; did you mean -s hash?")
	warn(c.Health.Type != messages.HealthOff && c.Health.Timeout > c.Health.Interval,
		"the health timeout is above the health interval: while a backend does not answer, it is probed less often")
	warn(s.pin && s.mode != master, "--pin has no effect on --mode "+s.mode+"; did you mean --mode mp?")
	return lines
}
