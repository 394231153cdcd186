package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

// ExitUnable is the exit code of a worker process that cannot start, and would not another time either: EX_CONFIG of
// sysexits(3). It must not be 2, with which Go's runtime ends what it cannot go on with: such a worker is to have a successor.
const ExitUnable = 78

// endWithin is how long a process may live on that says nothing any more.
const endWithin = time.Second

type (
	// unable tells the parent that the process of a worker cannot start.
	unable struct {
		worker int
		reason string
	}
	// told is a value that came from a process.
	told struct {
		by     WorkerProcess
		value  any
		rights []int
	}
	// gone is the end of a process.
	gone struct {
		who  WorkerProcess
		code int
		how  string
	}
)

// workerProcess is the actor in a master that stands for a worker in a process of its own. When that ends, the actor
// fails, so that its supervisor starts it anew, and with it the process.
type workerProcess struct {
	station *station
	system  *supervisor.System
	size    func() int64 // workers in all
	log     zerolog.Logger

	process  WorkerProcess
	draining bool
	drained  bool // it said so
}

// Receive implements actor.Actor.
func (w *workerProcess) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		w.start(ctx)
	case *actor.Restarting, *actor.Stopping:
		if w.process != nil {
			w.process.Kill()
			w.station.vacate(w.process)
		}
	case *messages.Snapshot:
		w.station.route(m)
		w.send(m)
	case messages.Drain:
		w.draining = true
		w.send(m)
	case lend:
		w.send(messages.Lend{Socket: m.fd}, m.fd)
	case reclaim:
		w.send(messages.Reclaim{Socket: m.fd})
	case listenOn:
		w.send(messages.Accept{Workers: m.size}, m.fds...)
	case adopt:
		w.give(m)
	case told:
		w.told(ctx, m)
	case gone:
		w.gone(ctx, m)
	default:
		if isForProcesses(m) {
			w.send(m)
		}
	}
}

// isForProcesses names what is passed on as it is.
func isForProcesses(message any) bool {
	switch message.(type) {
	case messages.ChangeLevel, messages.ReopenLog:
		return true
	}
	return false
}

// start starts a process. One that takes over is told at once what its predecessor knew.
func (w *workerProcess) start(ctx actor.Context) {
	p, err := w.station.occupy()
	if err != nil {
		panic(err)
	}
	if p == nil {
		return
	}
	w.process = p
	w.send(messages.Appointed{Number: w.station.number, Workers: int(w.size()), Pages: w.station.local != nil})
	if s := w.station.routes(); s != nil {
		w.send(s)
	}
	self := ctx.Self()
	w.system.Goroutines.Go("hear "+workerName(w.station.number), func() { w.hear(self, p) })
}

// hear passes on what a process says, and at last its end. It runs on a goroutine of its own.
func (w *workerProcess) hear(self *actor.PID, p WorkerProcess) {
	for {
		value, rights, err := p.Receive()
		if err != nil {
			break
		}
		if m, ok := value.(messages.Alive); ok { // without a detour: the actor may be busy
			w.station.alive(p, m)
			continue
		}
		if value != nil {
			w.system.Root.Send(self, told{p, value, rights})
		}
	}
	slow := w.system.Goroutines.After("end of a process", endWithin, p.Kill)
	code, how := p.Wait()
	slow.Stop()
	w.station.vacate(p)
	w.system.Root.Send(self, gone{p, code, how})
}

func (w *workerProcess) send(value any, lent ...int) {
	if w.process == nil {
		return
	}
	if err := w.process.Send(value, lent...); err != nil {
		w.process.Kill() // it hangs, or has ended: then that is on its way
	}
}

// give hands sockets over to the process.
func (w *workerProcess) give(m adopt) {
	if w.process == nil {
		discard(m.fds)
		return
	}
	_ = w.process.Give(m.what, m.fds) // one that has ended was closed, too, by the other end
}

func (w *workerProcess) told(ctx actor.Context, m told) {
	if m.by != w.process {
		discard(m.rights)
		return
	}
	switch value := m.value.(type) {
	case messages.Drained:
		w.drained = true
		ctx.Send(ctx.Parent(), value)
	case messages.PageAsked:
		w.answer(m.by, value)
	case messages.Moved:
		ctx.Send(ctx.Parent(), moved{value, m.rights})
	case messages.Serving, messages.Emptied, messages.Outcome:
		ctx.Send(ctx.Parent(), value)
	}
}

// answer has a page made for a client of the process.
func (w *workerProcess) answer(p WorkerProcess, m messages.PageAsked) {
	if w.station.local == nil {
		_ = p.Send(messages.Page{Number: m.Number, Status: 404, Type: "text/plain; charset=utf-8", Body: []byte("not found\n")})
		return
	}
	w.station.local(m.Path, func(status int, contentType string, body []byte) {
		page := messages.Page{Number: m.Number, Status: status, Type: contentType, Body: body}
		if err := p.Send(page); errors.Is(err, messages.ErrFrame) { // who cannot be told has ended, and its client with it
			page.Status, page.Type, page.Body = 500, "text/plain; charset=utf-8", []byte("the page is too large\n")
			_ = p.Send(page)
		}
	})
}

func (w *workerProcess) gone(ctx actor.Context, m gone) {
	if m.who != w.process {
		return
	}
	w.process = nil
	switch {
	case w.draining:
		w.left(ctx, m)
	case m.code == ExitUnable:
		ctx.Send(ctx.Parent(), unable{w.station.number, m.how})
	default:
		panic(fmt.Sprintf("process %d: %s", m.who.PID(), m.how))
	}
}

// left tells the parent of an end that it waits for.
func (w *workerProcess) left(ctx actor.Context, m gone) {
	if w.drained {
		return
	}
	w.log.Error().Int("pid", m.who.PID()).Str("how", m.how).Msg("a worker ended in the middle of its drain")
	ctx.Send(ctx.Parent(), messages.Emptied{Worker: w.station.number})
	ctx.Send(ctx.Parent(), messages.Drained{Worker: w.station.number})
}

// route notes the picture that a successor begins with.
func (s *station) route(m *messages.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshot = m
}

func (s *station) routes() *messages.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshot
}
