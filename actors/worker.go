package actors

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/proxy"
	"lb/supervisor"
)

// What a worker survives without a restart: each panic closes a connection, and so many in that time mean that more is
// wrong than a connection.
const (
	faultBudget = 8
	faultWindow = 10 * time.Second
)

// What the parent and its workers say to each other besides package messages.
type (
	// lend has a worker accept from a neighbour's socket, too; reclaim ends that.
	lend    struct{ fd int }
	reclaim struct {
		fd   int
		then func() // called when it is done; may be nil
	}
	// listenOn has a worker, one of so many from now on, accept from other sockets than before; then is called when it
	// does, and may be nil.
	listenOn struct {
		fds  []int
		size int
		then func()
	}
	// moved are sockets of connections that a worker hands over; adopt has one serve such.
	moved struct {
		what messages.Moved
		fds  []int
	}
	adopt moved
	// spent tells a worker that its budget of faults is. Several may be on their way when the first one is acted upon:
	// those that speak of a predecessor must not fail its successor as well.
	spent struct {
		whose *proxy.Worker
		last  any
	}
)

// worker is the actor that owns a proxy.Worker. It runs on the loop that the worker lives on.
type worker struct {
	supervisor.Strategy

	seat   *seat
	system *supervisor.System
	root   zerolog.Logger
	log    zerolog.Logger
	faults []time.Time // within the window
}

func newWorker(system *supervisor.System, s *seat, log zerolog.Logger) *worker {
	return &worker{seat: s, system: system, root: log, log: named(log, workerName(s.number))}
}

func workerName(number int) string { return fmt.Sprintf("worker/%d", number) }

// Receive implements actor.Actor, on the loop's thread. A worker that stops has left its seat, and gets messages until its
// pool has stopped, too.
func (w *worker) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		w.start(ctx)
	case *actor.Restarting, *actor.Stopping:
		w.seat.vacate()
	case *messages.Snapshot:
		w.apply(ctx, m)
	case messages.Drain:
		w.drain(ctx.Parent(), m)
	case lend:
		if w.seat.worker != nil {
			w.listen(m.fd)
		}
	case reclaim:
		if w.seat.worker != nil {
			w.seat.worker.Unlisten(m.fd)
		}
		if m.then != nil {
			m.then()
		}
	case listenOn:
		w.listenOn(m)
	case adopt:
		w.adopt(m)
	case spent:
		w.giveUp(m)
	}
}

// start seats a new worker. One that takes over knows at once what its predecessor knew.
func (w *worker) start(ctx actor.Context) {
	w.seat.vacate()
	w.seat.starts++
	self, parent := ctx.Self(), ctx.Parent()
	w.seat.worker = proxy.NewWorker(w.seat.loop, proxy.Options{
		Number: w.seat.number, Workers: w.seat.size,
		Report: func(o messages.Outcome) { w.system.Root.Send(parent, o) },
		Access: accessLog(w.root), Local: w.seat.local,
		Go: w.system.Goroutines.Go, Credentials: w.seat.credentials, Tracer: w.seat.tracer,
		Fault: func(value any, stack []byte) { w.fault(self, value, stack) },
	})
	props := w.system.Props(func() actor.Actor { return &pool{seat: w.seat} }, actor.WithDispatcher(w.seat.loop))
	if _, err := ctx.SpawnNamed(props, "pool"); err != nil {
		panic(err)
	}
	if w.seat.snapshot != nil {
		w.apply(ctx, w.seat.snapshot)
	}
}

// apply routes by a snapshot. With the first one the worker begins to accept: clients that came before wait in the
// socket's queue.
func (w *worker) apply(ctx actor.Context, s *messages.Snapshot) {
	if w.seat.worker == nil || w.seat.snapshot != nil && s.Generation < w.seat.snapshot.Generation {
		return
	}
	w.seat.snapshot = s
	w.seat.worker.Apply(s)
	if w.seat.retired {
		return
	}
	for _, fd := range w.seat.fds {
		w.listen(fd)
	}
	ctx.Send(ctx.Parent(), messages.Serving{Worker: w.seat.number})
}

// adopt serves connections. A worker that is about to go leaves them to nobody.
func (w *worker) adopt(m adopt) {
	if w.seat.worker == nil || !m.what.Holds(len(m.fds)) {
		discard(m.fds)
		return
	}
	if tunnel, is := m.what.(messages.TunnelMoved); is {
		w.seat.worker.AdoptTunnel(&tunnel, m.fds[0], m.fds[1])
		return
	}
	for _, fd := range m.fds {
		w.seat.worker.Adopt(fd)
	}
}

// discard closes sockets that nobody takes.
func discard(fds []int) {
	for _, fd := range fds {
		proxy.Discard(fd)
	}
}

// listenOn changes the sockets. Those that are accepted from for a neighbour stay.
func (w *worker) listenOn(m listenOn) {
	old := w.seat.fds
	w.seat.fds, w.seat.size = m.fds, m.size
	if w.seat.worker != nil {
		w.seat.worker.Among(m.size)
		w.exchangeSockets(old)
	}
	if m.then != nil {
		m.then()
	}
}

func (w *worker) exchangeSockets(old []int) {
	if w.seat.snapshot != nil && !w.seat.retired {
		for _, fd := range w.seat.fds {
			w.listen(fd)
		}
	}
	for _, fd := range old {
		if !slices.Contains(w.seat.fds, fd) {
			w.seat.worker.Unlisten(fd)
		}
	}
}

func (w *worker) listen(fd int) {
	if err := w.seat.worker.Listen(fd); err != nil {
		panic(err)
	}
}

// drain tells the parent when the sockets are empty, and when the last exchange is over.
func (w *worker) drain(parent *actor.PID, m messages.Drain) {
	done := func(cut int) {
		w.system.Root.Send(parent, messages.Drained{Worker: w.seat.number, Cut: cut})
	}
	if m.Move {
		w.seat.worker.HandOver(m.Within, func(what messages.Moved, fds []int) {
			w.system.Root.Send(parent, moved{what, fds})
		}, done)
	} else {
		w.seat.worker.Drain(m.Within, done)
	}
	w.system.Root.Send(parent, messages.Emptied{Worker: w.seat.number})
}

func (w *worker) giveUp(m spent) {
	if m.whose != w.seat.worker {
		return
	}
	w.seat.vacate()
	panic(fmt.Sprintf("too many panics, the last: %v", m.last))
}

// fault logs a panic of the data plane, and has the worker restarted when there are too many of them. It is called in
// the middle of a round, hence the detour by a message: to fail in Receive is what the supervisor acts upon.
func (w *worker) fault(self *actor.PID, value any, stack []byte) {
	w.log.Error().Str("panic", fmt.Sprint(value)).Bytes("stack", stack).Msg("a panic closed a connection")
	now := time.Now()
	w.faults = append(w.faults, now)
	for len(w.faults) > 0 && now.Sub(w.faults[0]) > faultWindow {
		w.faults = w.faults[1:]
	}
	if _, fatal := value.(proxy.Fatal); fatal || len(w.faults) > faultBudget {
		w.faults = nil
		w.system.Root.Send(self, spent{w.seat.worker, value})
	}
}
