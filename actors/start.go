package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

// Options of Start.
type Options struct {
	// Config is valid.
	Config messages.Config
	// Sockets are listening sockets, non-blocking, one for each worker. They stay the caller's.
	Sockets []int
	Log     zerolog.Logger
	// Resolver resolves host and service names; a zero StubResolver when nil.
	Resolver Resolver
	// Admin is how the balancer shows itself and takes orders.
	Admin AdminOptions
}

// stopWithin bounds how long the actors may take to end.
const stopWithin = 5 * time.Second

// Balancer is a running load balancer.
type Balancer struct {
	system  *supervisor.System
	seats   []*seat
	workers *actor.PID
	// backends takes ConfigChanged, DrainBackend, EnableBackend, WeighBackend and BackendsAsked.
	backends *actor.PID
	fate     *fate
	log      zerolog.Logger
	stop     sync.Once
}

// Start builds the event loops and the actors, and returns when each worker serves.
func Start(o Options) (*Balancer, error) {
	if len(o.Sockets) == 0 {
		return nil, errors.New("start: no listening socket")
	}
	b := &Balancer{log: named(o.Log, "lb"), fate: newFate()}
	b.system = supervisor.NewSystem(supervisor.Options{Logger: slog.New(zerolog.NewSlogHandler(named(o.Log, "supervisor")))})
	if err := b.seat(o); err != nil {
		return nil, errors.Join(err, b.end())
	}
	if err := b.spawn(o); err != nil {
		return nil, errors.Join(err, b.end())
	}
	select {
	case <-b.fate.serving:
		return b, nil
	case <-b.fate.over:
		return nil, errors.Join(b.fate.reason, b.end())
	}
}

// Wait returns when the balancer has ended: nil after a drain, or why it could not go on.
func (b *Balancer) Wait() error {
	<-b.fate.over
	return errors.Join(b.fate.reason, b.end())
}

// Drain stops accepting, lets running exchanges finish within the time, cuts off the rest, and ends the balancer. It does
// not wait for that: Wait does.
func (b *Balancer) Drain(within time.Duration) error {
	b.system.Root.Send(b.workers, messages.Drain{Within: within})
	return nil
}

// seat makes the event loops and runs each on a thread of its own.
func (b *Balancer) seat(o Options) error {
	for i, fd := range o.Sockets {
		s, err := newSeat(i, fd)
		if err != nil {
			return err
		}
		b.seats = append(b.seats, s)
		b.system.Goroutines.Go(fmt.Sprintf("loop %d", i), func() {
			if err := s.loop.Run(); err != nil {
				b.fate.end(fmt.Errorf("worker %d: %w", i, err))
			}
		})
	}
	return nil
}

func (b *Balancer) spawn(o Options) (err error) {
	q := b.inquire(o)
	b.answerLocally(q, o)
	b.workers, err = b.system.Spawn(b.system.Props(func() actor.Actor {
		return newWorkers(b.system, b.seats, b.fate, o.Log)
	}), "workers")
	if err != nil {
		return err
	}
	known := newLedger(o.Config)
	b.backends, err = b.system.Spawn(b.system.Props(func() actor.Actor {
		return newBackends(b.system, b.workers, o, known)
	}), "backends")
	if err != nil {
		return err
	}
	return b.spawnAdmin(q, o)
}

// end stops the actors, then the loops that some of them run on.
func (b *Balancer) end() (err error) {
	b.stop.Do(func() {
		err = b.system.Shutdown(stopWithin)
		for _, s := range b.seats {
			s.loop.Stop()
		}
	})
	return err
}

// fate is how a balancer comes to serve and to its end. It may be used by several goroutines.
type fate struct {
	serving chan struct{} // closed when every worker serves
	over    chan struct{} // closed at the end, after reason was set
	reason  error
	served  sync.Once
	ended   sync.Once
}

func newFate() *fate { return &fate{serving: make(chan struct{}), over: make(chan struct{})} }

func (f *fate) serve() { f.served.Do(func() { close(f.serving) }) }

// serves reports whether serve was called.
func (f *fate) serves() bool {
	select {
	case <-f.serving:
		return true
	default:
		return false
	}
}

func (f *fate) end(reason error) {
	f.ended.Do(func() {
		f.reason = reason
		close(f.over)
	})
}

func named(log zerolog.Logger, name string) zerolog.Logger {
	return log.With().Str("logger", name).Logger()
}
