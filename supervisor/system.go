package supervisor

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	cmap "github.com/orcaman/concurrent-map"
)

// Options are what a System may be told; the zero value works.
type Options struct {
	Logger  *slog.Logger  // must not block, for it is used on the actors' threads; nil: nothing is logged
	Backoff Backoff       // for the children of the root and of actors without a Strategy of their own
	Hooks   Hooks         // for the same children; they may run on several goroutines at once
	Caught  func(Failure) // a failure that was kept from doing harm; runs where it happened
	History int           // failures kept; 64 when zero
}

// System is an actor system whose actors are guarded. It may be used by several goroutines.
type System struct {
	*actor.ActorSystem
	History    *History    // every failure, caught ones included
	Goroutines *Goroutines // starts every goroutine that is not an actor's; those that crash are in the History

	strategy *Strategy
	onCaught func(Failure)

	mu     sync.Mutex
	guards map[string]*guard // of live actors, by id
	roots  []*actor.PID      // in the order of their birth
	down   bool
}

// oneShard makes the tables of an actor system 32 times smaller: 2.8 MiB otherwise, which each garbage collection
// walks. Once only, because live systems read the count.
var oneShard = sync.OnceFunc(func() { cmap.SHARD_COUNT = 1 })

// NewSystem starts an actor system. It has no metrics provider, which would cost 2.8 µs per message. Actor systems made
// in other ways must not be in use before the first call.
func NewSystem(o Options) *System {
	oneShard()
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &System{History: &History{Size: o.History}, onCaught: o.Caught, guards: make(map[string]*guard)}
	s.Goroutines = &Goroutines{Report: s.goroutineCrashed}
	s.strategy = &Strategy{Backoff: o.Backoff, Hooks: o.Hooks}
	s.ActorSystem = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(handler{log.Handler()})
	}))
	ownDeadLetters(s.ActorSystem)
	return s
}

// Props describes a guarded actor. A producer that panics counts as a failure of the actor it owes, not of the parent
// that spawns it. An actor that embeds no Strategy supervises its children by the System's. The mailbox is unbounded.
func (s *System) Props(producer actor.Producer, options ...actor.PropsOption) *actor.Props {
	return actor.PropsFromProducer(careful(producer)).
		Configure(actor.WithReceiverMiddleware(watch), actor.WithSupervisor(s.strategy)).
		Configure(options...).
		Configure(actor.WithMailbox(s.mailbox)) // the last word: nothing else makes the guard that the middleware needs
}

// Spawn starts an actor at the root of the tree, where the System's own strategy supervises it. The name is a path
// element and must not begin with "$", "future$" or "guardian$".
func (s *System) Spawn(props *actor.Props, name string) (*actor.PID, error) {
	for _, reserved := range []string{"$", "future$", "guardian$"} {
		if name == "" || strings.HasPrefix(name, reserved) {
			return nil, fmt.Errorf("spawn %q: the name is empty or reserved", name)
		}
	}
	pid, err := s.Root.SpawnNamed(props.Clone(actor.WithGuardian(s.strategy)), name)
	if err != nil {
		return nil, fmt.Errorf("spawn %q: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roots = append(s.roots, pid)
	return pid, nil
}

// Shutdown stops the actors at the root, youngest first, then the system; all within the given time. It may be called
// again, but not from an actor. The dispatchers must run until it returns: an actor on one that has ended never stops.
func (s *System) Shutdown(within time.Duration) error {
	s.mu.Lock()
	roots, first := s.roots, !s.down
	s.roots, s.down = nil, true
	s.mu.Unlock()
	deadline := time.Now().Add(within)
	var failed []error
	for _, pid := range slices.Backward(roots) {
		failed = append(failed, Stop(s.ActorSystem, pid, time.Until(deadline)))
	}
	if first {
		s.ActorSystem.Shutdown() // panics the second time
	}
	return errors.Join(failed...)
}

// caught records, logs and reports a failure that was kept from doing harm.
func (s *System) caught(f Failure) {
	s.History.Add(f)
	logFailure(s.Logger(), f, f.Outcome())
	if s.onCaught != nil {
		defer logPanic(s.Logger(), "the hook for caught failures panicked")
		s.onCaught(f)
	}
}

func (s *System) goroutineCrashed(name string, value any, stack []byte) {
	c := crash{reason: value, text: textOf(value), stack: stack}
	f := c.failure("goroutine "+name, name, nil)
	f.Caught = true
	s.caught(f)
}

// join makes an actor part of the tree. It runs on the thread of the parent, whose strategy can therefore be asked.
func (s *System) join(g *guard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.record.backoff = s.strategy.Backoff
	if parent := s.guards[g.context.Parent().GetId()]; parent != nil {
		if own, ok := parent.context.Actor().(backoffs); ok {
			g.record.backoff = own.backoffOfChildren()
		}
	}
	s.guards[g.id()] = g
}

// leave takes an actor out of the tree, but not a newcomer of the same name.
func (s *System) leave(g *guard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guards[g.id()] == g {
		delete(s.guards, g.id())
	}
}
