package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
	"lb/supervisor"
)

// answerWithin is how long an actor may take to answer the admin: longer than a gathering.
const answerWithin = gatherWithin + time.Second/2

var errNoAnswer = errors.New("no answer in time")

// survey asks the actors how they fare. It waits for their answers, so that it is for goroutines, not for actors.
type survey struct {
	system  *supervisor.System
	version string
	started time.Time
	dropped func() uint64 // log lines; may be nil
	// upgrades by their result; may be nil
	upgrades func() messages.Upgrades
	latest   latest
}

// picture is all that they answered.
type picture struct {
	version   string
	started   time.Time
	now       time.Time
	workers   workersReport
	backends  []messages.BackendStatus
	config    messages.ConfigStatus
	readiness readiness
	dropped   uint64
	failures  uint64
	upgrades  messages.Upgrades
}

// picture asks all of them. Without the workers it would show counters that fall to zero: then there is none.
func (q *survey) picture() (*picture, error) {
	p := &picture{
		version: q.version, started: q.started, now: time.Now(), readiness: q.readiness(),
		failures: q.system.History.Total(),
	}
	workers, backends, config := q.ask("workers", statsAsked{}), q.ask("backends", messages.BackendsAsked{}),
		q.ask("config", messages.ConfigAsked{})
	var err error
	if p.workers, err = answer[workersReport](workers); err != nil {
		return nil, fmt.Errorf("workers: %w", err)
	}
	if p.backends, err = answer[[]messages.BackendStatus](backends); err != nil {
		p.backends = q.latest.statuses(p.workers.snapshot)
	}
	if p.config, err = answer[messages.ConfigStatus](config); err != nil {
		p.config = q.latest.configStatus(q.started)
	}
	q.latest.keep(p)
	if q.upgrades != nil {
		p.upgrades = q.upgrades()
	}
	if q.dropped != nil {
		p.dropped = q.dropped()
	}
	return p, nil
}

func (q *survey) readiness() readiness {
	r, err := answer[readiness](q.ask("workers", readinessAsked{}))
	if err != nil {
		return readiness{reason: "the workers do not answer"}
	}
	return r
}

// order sends an order to the actor of that name and returns why it was not carried out.
func (q *survey) order(name string, order any) error {
	_, err := q.outcome(name, order)
	return err
}

// outcome is order for one whose end is told in words.
func (q *survey) outcome(name string, order any) (string, error) {
	done, err := answer[messages.Done](q.ask(name, order))
	if errors.Is(err, actor.ErrTimeout) {
		return "", errNoAnswer
	}
	return done.Text, errors.Join(err, done.Err)
}

func (q *survey) ask(name string, question any) *actor.Future {
	return q.system.Root.RequestFuture(actor.NewPID(q.system.Address(), name), question, answerWithin)
}

// answer waits for the answer to a question.
func answer[T any](f *actor.Future) (T, error) {
	result, err := f.Result()
	t, ok := result.(T)
	switch {
	case err != nil:
		return t, err
	case !ok:
		return t, fmt.Errorf("an answer of type %T", result)
	}
	return t, nil
}
