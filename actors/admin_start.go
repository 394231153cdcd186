package actors

import (
	"net"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// AdminOptions say where a balancer shows how it fares, and what it needs to know for it. The zero value shows /metrics
// on the traffic port and takes no orders.
type AdminOptions struct {
	// Pages is where /metrics, /status, /tree, /readyz and /livez are served; nil: /metrics alone, on the traffic port. It
	// stays the caller's, as does Control.
	Pages net.Listener
	// Control is a unix socket for the same pages and for orders; nil: there are none.
	Control net.Listener
	// Version is that of the program.
	Version string
	// Dropped tells how many log lines were dropped so far; may be nil.
	Dropped func() uint64
	// Upgrades tells how upgrades have ended so far; may be nil.
	Upgrades func() messages.Upgrades
	// Upgrade has another process take over, and returns when it has, with its number, or has failed; nil: that is not
	// possible.
	Upgrade func() (pid int, err error)
	// Resize changes the number of workers; nil: that is not possible.
	Resize func(workers int) error
	// Stop ends the balancer as a signal would; nil: it is drained at once.
	Stop func(within time.Duration)
	// StopWithin is what running exchanges get to finish in when an order to stop does not say; 30 s when zero.
	StopWithin time.Duration
	// SetLevel changes the level of the log to one named by a word of --loglevel; nil: it cannot be changed.
	SetLevel func(word string) error
}

// The survey is made once: /metrics on the traffic port needs it before there is an admin.
func (b *Balancer) inquire(o Options) *survey {
	return &survey{
		system: b.system, version: o.Admin.Version, started: time.Now(), dropped: o.Admin.Dropped, upgrades: o.Admin.Upgrades,
	}
}

// localAnswer answers what a worker does not forward. It does not block; reply may be called later, once, by any
// goroutine.
type localAnswer = func(path string, reply func(status int, contentType string, body []byte))

// localAnswers has the workers answer /metrics, unless there is another place for it: then it is nil.
func (b *Balancer) localAnswers(q *survey, o Options) localAnswer {
	if o.Admin.Pages != nil {
		return nil
	}
	places := make(chan struct{}, adminAtATime)
	return func(_ string, reply func(status int, contentType string, body []byte)) {
		select {
		case places <- struct{}{}:
		default:
			reply(503, "text/plain; charset=utf-8", []byte("too many requests at a time\n"))
			return
		}
		b.system.Goroutines.Go("metrics", func() {
			defer func() { <-places }()
			defer reply(500, "text/plain; charset=utf-8", []byte("failed\n")) // after a panic; else the first one counts
			reply(q.metrics())
		})
	}
}

func (b *Balancer) spawnAdmin(q *survey, o Options) error {
	log := named(o.Log, "admin")
	var doors []door
	if o.Admin.Pages != nil {
		doors = append(doors, door{"admin pages", o.Admin.Pages, q.pages()})
	}
	if o.Admin.Control != nil {
		c := &control{survey: q, workers: b.workers, options: o.Admin, log: log}
		doors = append(doors, door{"control socket", o.Admin.Control, c.pages()})
	}
	var err error
	b.admin, err = b.system.Spawn(b.system.Props(func() actor.Actor {
		return &admin{system: b.system, log: log, doors: doors}
	}), "admin")
	return err
}
