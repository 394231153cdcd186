package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
	"lb/supervisor"
)

// gatherWithin is how long a worker may take to tell its counters. One that takes longer contributes what it told last.
const gatherWithin = time.Second

type (
	// statsAsked asks the workers for their counters; the answer is a workersReport, after gatherWithin at the latest.
	statsAsked struct{}
	// counted is what one worker answers.
	counted struct {
		gathering uint64
		worker    int
		stats     messages.Stats
	}
	// gatherLate ends a gathering.
	gatherLate struct{ gathering uint64 }
)

// workersReport is what the workers answer: the sum over all of them, and the state of each.
type workersReport struct {
	sum      messages.Stats
	workers  []workerReport
	snapshot *messages.Snapshot // nil: none yet
	draining bool
}

type workerReport struct {
	state string
	up    bool // it serves, and answers
	pid   int  // of its own process; 0: it has none
	stats messages.Stats
}

// gatherings collect counters from the loops. A loop is asked itself, not the worker actor: one that waits for its restart
// does not receive messages, and what it has counted is in its seat. The fields are the workers actor's only.
type gatherings struct {
	system *supervisor.System
	*briefing
	running map[uint64]*gathering
	begun   uint64
}

// gathering is one round of questions.
type gathering struct {
	asker   *actor.PID
	waiting int
}

func newGatherings(system *supervisor.System, b *briefing) *gatherings {
	return &gatherings{system: system, briefing: b, running: make(map[uint64]*gathering)}
}

// begin asks each loop. Each gathering asks anew, so that who asks after a request finds it counted.
func (g *gatherings) begin(self, asker *actor.PID) {
	g.begun++
	number := g.begun
	g.running[number] = &gathering{asker: asker, waiting: len(g.posts)}
	for i, p := range g.posts {
		p.count(func(s messages.Stats) { g.system.Root.Send(self, counted{number, i, s}) })
	}
	g.system.Goroutines.After("late counters", gatherWithin, func() { g.system.Root.Send(self, gatherLate{number}) })
}

// counted takes one answer and returns who asked if it was the last one that was waited for.
func (g *gatherings) counted(m counted) (asker *actor.PID) {
	if m.worker < len(g.stats) {
		g.stats[m.worker] = m.stats
	}
	r := g.running[m.gathering]
	if r == nil {
		return nil
	}
	r.waiting--
	if r.waiting > 0 {
		return nil
	}
	delete(g.running, m.gathering)
	return r.asker
}

// late returns who asked if the gathering still waits.
func (g *gatherings) late(m gatherLate) (asker *actor.PID) {
	r := g.running[m.gathering]
	if r == nil {
		return nil
	}
	delete(g.running, m.gathering)
	return r.asker
}

// sum is over what each worker told last, for the backends of the snapshot.
func (g *gatherings) sum(snapshot *messages.Snapshot) messages.Stats {
	sum := g.past.Add(messages.Stats{})
	for _, s := range g.stats {
		sum = sum.Add(s)
	}
	if snapshot != nil {
		sum.Retain(snapshot.Members)
	}
	return sum
}
