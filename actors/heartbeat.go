package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

const (
	// beatEvery is how often each loop is asked for a sign of life.
	beatEvery = time.Second
	// silentAfter is how long a loop may leave that unanswered before its worker counts as hung: far above the longest
	// round, and what Go cannot interrupt in a loop does not end by itself.
	silentAfter = 5 * time.Second
)

type (
	// beat has the loops asked again.
	beat struct{}
	// alive is a loop's sign of life.
	alive struct{ worker int }
)

// heartbeat tells loops that hang, in an endless loop say, from those that work. The fields are the workers actor's only.
type heartbeat struct {
	system *supervisor.System
	*briefing
	pulses []pulse
}

type pulse struct {
	heard  time.Time
	asked  bool // and has not answered yet
	silent bool // for longer than silentAfter
}

func newHeartbeat(system *supervisor.System, b *briefing) *heartbeat {
	h := &heartbeat{system: system, briefing: b, pulses: make([]pulse, len(b.posts))}
	for i := range h.pulses {
		h.pulses[i].heard = time.Now()
	}
	return h
}

// beat asks each loop that owes no answer, and returns the workers that have just become silent.
func (h *heartbeat) beat(self *actor.PID, now time.Time) (silent []int) {
	for i := range h.pulses {
		p := &h.pulses[i]
		if p.asked && !p.silent && now.Sub(p.heard) > silentAfter {
			p.silent = true
			silent = append(silent, i)
		}
		if !p.asked {
			p.asked = true
			h.posts[i].beat(func() { h.system.Root.Send(self, alive{i}) })
		}
	}
	h.system.Goroutines.After("next heartbeat", beatEvery, func() { h.system.Root.Send(self, beat{}) })
	return silent
}

// alive takes an answer and returns for how long the worker had been silent; 0 if it was not.
func (h *heartbeat) alive(m alive, now time.Time) (silence time.Duration) {
	p := &h.pulses[m.worker]
	if p.silent {
		silence = now.Sub(p.heard)
	}
	*p = pulse{heard: now}
	return silence
}
