package actors

import (
	"fmt"

	"lb/messages"
)

// readinessAsked asks the workers whether new clients should be sent here; the answer is a readiness, at once.
type readinessAsked struct{}

// answersAsked asks the workers whether all of them show signs of life; the answer is a bool, at once.
type answersAsked struct{}

// Answers reports whether the loop of each worker has shown a sign of life in the last seconds.
func (b *Balancer) Answers() bool {
	alive, err := answer[bool](b.system.Root.RequestFuture(b.workers, answersAsked{}, answerWithin))
	return err == nil && alive
}

// answers reports whether no worker is silent.
func (w *workers) answers() bool {
	for i := range w.children {
		if w.heartbeat.pulses[i].silent {
			return false
		}
	}
	return true
}

// readiness is whether the balancer can serve, and if not, why.
type readiness struct {
	ready  bool
	reason string
}

// readiness is false before all workers serve, while one of them is degraded or hangs, while draining, and when every
// backend is down. A worker that is restarted does not count: a neighbour serves its clients.
func (w *workers) readiness() readiness {
	if w.draining || w.leaving {
		return readiness{reason: "draining"}
	}
	for i, c := range w.children {
		if state, up := w.state(i); !up && (!w.fate.serves() || c.degraded || w.heartbeat.pulses[i].silent) {
			return readiness{reason: fmt.Sprintf("worker %d is %s", i, state)}
		}
	}
	if w.snapshot == nil || !anyUp(w.snapshot.Members) {
		return readiness{reason: "no backend is up"}
	}
	return readiness{ready: true}
}

func anyUp(members []messages.Member) bool {
	for i := range members {
		if members[i].State == messages.Up {
			return true
		}
	}
	return false
}

// state of a worker in one word, and whether it serves.
func (w *workers) state(number int) (word string, up bool) {
	c := w.children[number]
	switch {
	case w.heartbeat.pulses[number].silent:
		return "silent", false
	case c.degraded:
		return "degraded", false
	case c.away:
		return "away", false
	case c.drained:
		return "drained", false
	case !c.serves:
		return "starting", false
	}
	return "serving", true
}
