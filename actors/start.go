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
	"lb/proxy"
	"lb/supervisor"
)

// Options of Start.
type Options struct {
	// Config is valid.
	Config messages.Config
	// Sockets are listening sockets, non-blocking: those of each worker, of which there is one for each entry. Several
	// workers may share one. They stay the caller's.
	Sockets [][]int
	// Emptied is told, during a drain, that nothing is left in the queues of the sockets, so that closing them loses
	// nobody; may be nil.
	Emptied func()
	// Moved gets sockets of tunnels and of connections that wait for a request, during a HandOver, and owns them. It must
	// not block; nil: they are closed.
	Moved func(what messages.Moved, fds []int)
	// Launch starts the process of a worker; nil: the workers are event loops of this process.
	Launch Launch
	Log    zerolog.Logger
	// Resolver resolves host and service names; a zero StubResolver when nil.
	Resolver Resolver
	// File is the configuration file that Config came from; nil: there is none, and Config stays.
	File *FileOptions
	// Known are the backends as the process saw them that this one takes over from; none otherwise.
	Known []messages.BackendRecord
	// Tracer shows what passes on connections; nil: nothing is shown.
	Tracer *proxy.Tracer
	// Admin is how the balancer shows itself and takes orders.
	Admin AdminOptions
}

// stopWithin bounds how long the actors may take to end.
const stopWithin = 5 * time.Second

// Balancer is a running load balancer.
type Balancer struct {
	system  *supervisor.System
	told    *briefing
	workers *actor.PID
	// backends takes ConfigChanged, DrainBackend, EnableBackend, WeighBackend and BackendsAsked.
	backends *actor.PID
	// config takes ReloadConfig and ConfigAsked; nil without a file.
	config *actor.PID
	admin  *actor.PID
	fate   *fate
	log    zerolog.Logger
	stop   sync.Once
}

// Start builds the event loops and the actors, and returns when each worker serves.
func Start(o Options) (*Balancer, error) {
	if len(o.Sockets) == 0 {
		return nil, errors.New("start: no listening socket")
	}
	b := &Balancer{log: named(o.Log, "lb"), fate: newFate(o.Emptied, o.Moved)}
	b.system = supervisor.NewSystem(supervisor.Options{
		Logger: slog.New(zerolog.NewSlogHandler(named(o.Log, "supervisor"))),
	})
	q := b.inquire(o)
	if err := b.settle(o, b.localAnswers(q, o)); err != nil {
		return nil, errors.Join(err, b.end())
	}
	if err := b.spawn(q, o); err != nil {
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

// Reload reads the configuration file now, and does not wait for it. It reports whether there is a file.
func (b *Balancer) Reload() bool {
	if b.config == nil {
		return false
	}
	b.system.Root.Send(b.config, messages.ReloadConfig{})
	return true
}

// Drain stops accepting, lets running exchanges finish within the time, cuts off the rest, and ends the balancer. It
// does not wait for that: Wait does.
func (b *Balancer) Drain(within time.Duration) error {
	b.system.Root.Send(b.workers, messages.Drain{Within: within})
	return nil
}

// HandOver is Drain for a balancer in whose place another process serves: tunnels and connections that wait for a
// request go to Moved instead of being closed.
func (b *Balancer) HandOver(within time.Duration) error {
	b.system.Root.Send(b.workers, messages.Drain{Within: within, Move: true})
	return nil
}

// Withdraw turns readiness false. All else goes on.
func (b *Balancer) Withdraw() { b.system.Root.Send(b.workers, messages.Withdraw{}) }

// Broadcast tells the processes of the workers what concerns each process by itself: ChangeLevel, ReopenLog.
func (b *Balancer) Broadcast(order any) { b.system.Root.Send(b.workers, order) }

// settle makes the places where the workers are to work.
func (b *Balancer) settle(o Options, local localAnswer) error {
	credentials := new(proxy.Credentials)
	var err error
	b.told, err = newBriefing(o.Sockets, func(number, size int, fds []int) (post, error) {
		if o.Launch != nil {
			return newStation(number, fds, o.Launch, local), nil
		}
		s, err := newSeat(number, size, fds...)
		if err != nil {
			return nil, err
		}
		s.local, s.credentials, s.tracer = local, credentials, o.Tracer
		s.run(b.system.Goroutines, b.fate)
		return s, nil
	})
	b.told.processes = o.Launch != nil
	return err
}

// run runs the event loop on a thread of its own.
func (s *seat) run(goroutines *supervisor.Goroutines, f *fate) {
	goroutines.Go(fmt.Sprintf("loop %d", s.number), func() {
		if err := s.loop.Run(); err != nil {
			f.end(fmt.Errorf("worker %d: %w", s.number, err))
		}
	})
}

func (b *Balancer) spawn(q *survey, o Options) (err error) {
	b.workers, err = b.system.Spawn(b.system.Props(func() actor.Actor {
		return newWorkers(b.system, b.fate, b.told, o.Log)
	}), "workers")
	if err != nil {
		return err
	}
	known := newLedger(o.Config)
	known.adopt(o.Known)
	b.backends, err = b.system.Spawn(b.system.Props(func() actor.Actor {
		return newBackends(b.system, b.workers, o, known)
	}), "backends")
	if err != nil {
		return err
	}
	if err := b.spawnConfig(o); err != nil {
		return err
	}
	return b.spawnAdmin(q, o)
}

// spawnConfig starts the actor that follows the configuration file, if there is one.
func (b *Balancer) spawnConfig(o Options) (err error) {
	if o.File == nil {
		return nil
	}
	r := newReloads(*o.File, time.Now())
	b.config, err = b.system.Spawn(b.system.Props(func() actor.Actor {
		return newConfiguration(b.system, b.backends, r, o.Log)
	}), "config")
	return err
}

// end stops the actors, then the loops that some of them run on.
func (b *Balancer) end() (err error) {
	b.stop.Do(func() {
		err = b.system.Shutdown(stopWithin)
		for _, p := range b.told.posts {
			p.close()
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
	emptied sync.Once
	ended   sync.Once
	onEmpty func()                               // may be nil
	onMove  func(what messages.Moved, fds []int) // may be nil
}

func newFate(onEmpty func(), onMove func(messages.Moved, []int)) *fate {
	return &fate{serving: make(chan struct{}), over: make(chan struct{}), onEmpty: onEmpty, onMove: onMove}
}

// move passes sockets of connections on that are handed over.
func (f *fate) move(m moved) {
	if f.onMove != nil {
		f.onMove(m.what, m.fds)
		return
	}
	discard(m.fds)
}

// empty says that nothing is left in the queues of the sockets.
func (f *fate) empty() {
	if f.onEmpty != nil {
		f.emptied.Do(f.onEmpty)
	}
}

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
