package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// What the workers actor tells of its workers, and how it learns of it.

// observe receives what does not change anything.
func (w *workers) observe(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case statsAsked:
		w.gatherings.begin(ctx.Self(), ctx.Sender())
	case counted:
		w.report(w.gatherings.counted(m))
	case gatherLate:
		w.report(w.gatherings.late(m))
	case readinessAsked:
		ctx.Respond(w.readiness())
	case answersAsked:
		ctx.Respond(w.answers())
	case beat:
		w.beat(ctx.Self())
	case alive:
		w.alive(m)
	}
}

// report answers who asked for counters; nil: nobody.
func (w *workers) report(asker *actor.PID) {
	if asker == nil {
		return
	}
	r := workersReport{sum: w.gatherings.sum(w.snapshot), snapshot: w.snapshot, draining: w.draining || w.leaving}
	for i := range w.children {
		word, up := w.state(i)
		r.workers = append(r.workers, workerReport{state: word, up: up, pid: w.posts[i].process(), stats: w.stats[i]})
	}
	w.system.Root.Send(asker, r)
}

func (w *workers) beat(self *actor.PID) {
	for _, number := range w.heartbeat.beat(self, time.Now()) {
		w.log.Error().Int("worker", number).Dur("silent_ms", silentAfter).Msg("a worker's loop does not answer")
		w.posts[number].abandon()
	}
}

func (w *workers) alive(m alive) {
	if silence := w.heartbeat.alive(m, time.Now()); silence > 0 {
		w.log.Warn().Int("worker", m.worker).Dur("silent_ms", silence).Msg("a worker's loop answers again")
	}
}
