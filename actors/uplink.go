package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/proxy"
	"lb/supervisor"
)

// Uplink is the link from a worker process to its master. It may be used by several goroutines.
type Uplink interface {
	// Send queues a value and does not wait.
	Send(value any, lent ...int) error
	// Give is Send for descriptors that are closed here once they are sent.
	Give(value any, given []int) error
	// Receive waits for the next value and the descriptors that came with it; an error says that the master has ended.
	Receive() (value any, rights []int, err error)
}

// WorkerOptions are those of RunWorker.
type WorkerOptions struct {
	// Sockets are the listening sockets of the worker. They are RunWorker's from then on.
	Sockets []int
	Uplink  Uplink
	// SetLevel changes the level of the log to one named by a word of --loglevel; may be nil.
	SetLevel func(word string) error
	// ReopenLog opens the log's file again; may be nil.
	ReopenLog func() error
	// Tracer shows what passes on connections; nil: nothing is shown.
	Tracer *proxy.Tracer
	Log    zerolog.Logger
}

var (
	// ErrMasterGone ends a worker process whose master has ended: nobody would tell it of backends any more, or end it.
	ErrMasterGone = errors.New("the master has ended")
	errNotAWorker = errors.New("no word from the master which worker this is")
)

// RunWorker is all that a worker process does: it runs one worker as the master says. It returns nil after a drain, or
// why it could not go on.
func RunWorker(o WorkerOptions) error {
	first, err := appointment(o.Uplink)
	if err != nil {
		return err
	}
	f := newFate(nil, o.hand)
	system := supervisor.NewSystem(supervisor.Options{
		Logger: slog.New(zerolog.NewSlogHandler(named(o.Log, "supervisor"))),
	})
	s, err := newSeat(first.Number, first.Workers, o.Sockets...)
	if err != nil {
		return err
	}
	pages := newPages(o.Uplink)
	s.credentials, s.tracer = new(proxy.Credentials), o.Tracer
	if first.Pages {
		s.local = pages.ask
	}
	s.run(system.Goroutines, f)
	pid, err := system.Spawn(system.Props(func() actor.Actor {
		return newUplink(system, s, f, pages, o)
	}), "uplink")
	if err != nil {
		return err
	}
	system.Goroutines.Go("hear the master", func() { hearMaster(system, pid, o.Uplink, f) })
	<-f.over
	err = errors.Join(f.reason, system.Shutdown(stopWithin))
	s.close()
	return err
}

// hand passes sockets on to the master, which has somebody serve them.
func (o WorkerOptions) hand(what messages.Moved, fds []int) {
	_ = o.Uplink.Give(what, fds) // without a master the process ends, and they with it
}

// appointment waits for the word which worker this is.
func appointment(u Uplink) (messages.Appointed, error) {
	value, _, err := u.Receive()
	if err != nil {
		return messages.Appointed{}, ErrMasterGone
	}
	first, ok := value.(messages.Appointed)
	if !ok {
		return first, errNotAWorker
	}
	return first, nil
}

// hearMaster passes on what the master says, to its end.
func hearMaster(system *supervisor.System, to *actor.PID, u Uplink, f *fate) {
	for {
		value, rights, err := u.Receive()
		if err != nil {
			f.end(ErrMasterGone)
			return
		}
		if value != nil {
			system.Root.Send(to, ordered{value, rights})
		}
	}
}

// ordered is a value that came from the master.
type ordered struct {
	value  any
	rights []int
}

// uplink is the actor in a worker process that stands for the master: it supervises the worker, tells it what the
// master says, and tells the master what the worker says.
type uplink struct {
	supervisor.Strategy
	WorkerOptions

	system *supervisor.System
	seat   *seat
	fate   *fate
	pages  *pages
	log    zerolog.Logger
	worker *actor.PID
	lent   map[int]int // descriptors of neighbours' sockets here, by their names
}

func newUplink(system *supervisor.System, s *seat, f *fate, p *pages, o WorkerOptions) *uplink {
	u := &uplink{
		WorkerOptions: o, system: system, seat: s, fate: f, pages: p, log: named(o.Log, "uplink"),
		lent: make(map[int]int),
	}
	u.Hooks = supervisor.Hooks{ChildFailed: u.failed}
	return u
}

// Receive implements actor.Actor.
func (u *uplink) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		u.start(ctx)
	case ordered:
		u.obey(ctx, m)
	case messages.Emptied:
		closeAll(u.Sockets)
		u.Sockets = nil
		u.tell(m)
	case moved:
		u.fate.move(m)
	case messages.Drained:
		u.seat.count(func(s messages.Stats) { u.leave(m, s) })
	case messages.Serving, messages.Outcome:
		u.tell(m)
	}
}

func (u *uplink) start(ctx actor.Context) {
	props := u.system.Props(func() actor.Actor { return newWorker(u.system, u.seat, u.Log) },
		actor.WithDispatcher(u.seat.loop))
	pid, err := ctx.SpawnNamed(props, workerName(u.seat.number))
	if err != nil {
		panic(err)
	}
	u.worker = pid
}

// leave says last what was counted, then that all is over.
func (u *uplink) leave(m messages.Drained, s messages.Stats) {
	u.tell(messages.Alive{Stats: s})
	u.tell(m)
	u.fate.end(nil)
}

func (u *uplink) tell(m any) {
	if err := u.Uplink.Send(m); err != nil {
		u.fate.end(ErrMasterGone)
	}
}

// obey does what the master says.
func (u *uplink) obey(ctx actor.Context, m ordered) {
	switch value := m.value.(type) {
	case *messages.Snapshot:
		ctx.Send(u.worker, value)
	case messages.Drain:
		u.seat.retire()
		ctx.Send(u.worker, value)
	case messages.Moved:
		ctx.Send(u.worker, adopt{value, m.rights})
	case messages.Beat:
		u.seat.count(func(s messages.Stats) { u.tell(messages.Alive{Number: value.Number, Stats: s}) })
	case messages.Page:
		u.pages.answered(value)
	case messages.Accept:
		u.listen(ctx, value, m.rights)
	case messages.Lend:
		u.lend(ctx, value, m.rights)
	case messages.Reclaim:
		u.reclaim(ctx, value)
	case messages.ChangeLevel:
		u.act("change the log level", func() error { return u.SetLevel(value.Level) })
	case messages.ReopenLog:
		u.act("open the log again", u.ReopenLog)
	}
}

func (u *uplink) act(what string, do func() error) {
	if do == nil {
		return
	}
	if err := do(); err != nil {
		u.log.Error().Err(err).Msg("cannot " + what)
	}
}

// listen closes the old sockets as soon as the worker does not accept from them any more. Descriptors that a process has
// no room for the kernel drops (unix(7), MSG_CTRUNC).
func (u *uplink) listen(ctx actor.Context, m messages.Accept, rights []int) {
	if len(rights) == 0 {
		u.log.Error().Msg("no room for the sockets to accept from: too many descriptors are open")
		return
	}
	old := u.Sockets
	u.Sockets = rights
	ctx.Send(u.worker, listenOn{fds: rights, size: m.Workers, then: func() { closeAll(old) }})
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}

func (u *uplink) lend(ctx actor.Context, m messages.Lend, rights []int) {
	if len(rights) != 1 {
		closeAll(rights)
		return
	}
	if old, lent := u.lent[m.Socket]; lent {
		u.giveBack(ctx, old)
	}
	u.lent[m.Socket] = rights[0]
	ctx.Send(u.worker, lend{rights[0]})
}

func (u *uplink) reclaim(ctx actor.Context, m messages.Reclaim) {
	if fd, lent := u.lent[m.Socket]; lent {
		delete(u.lent, m.Socket)
		u.giveBack(ctx, fd)
	}
}

// giveBack closes a descriptor as soon as the worker does not accept from it any more.
func (u *uplink) giveBack(ctx actor.Context, fd int) {
	ctx.Send(u.worker, reclaim{fd: fd, then: func() { _ = syscall.Close(fd) }})
}

// failed ends the process when the worker is not back at once: the master has neighbours serve meanwhile, which this
// process cannot.
func (u *uplink) failed(f supervisor.Failure) {
	u.seat.clear()
	if f.Decision.Delay > 0 {
		u.fate.end(fmt.Errorf("worker %d: %s", u.seat.number, f.Text))
	}
}
