package actors

import (
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/proxy"
	"lb/supervisor"
)

// backends is the actor that reconciles the backends with the configuration, and tells the workers of them.
type backends struct {
	supervisor.Strategy
	*ledger

	system   *supervisor.System
	workers  *actor.PID
	resolver Resolver
	check    check
	log      zerolog.Logger

	credentials proxy.Credentials
	tls         *tls.Config     // what is common to all backends
	unread      string          // why their files were not read; "": they were
	leaving     map[string]bool // names of children that are stopped and not gone yet
	dirty       bool            // a snapshot is ordered
	stepping    bool            // the next step of a slow start is ordered
	stepper     *time.Timer
	waiver      *time.Timer
	looker      *time.Timer // at the files of TLS
}

// What the actor tells itself.
type (
	// publish sends the workers a snapshot: one for all the changes before it.
	publish struct{}
	// step is due while backends start slowly.
	step struct{}
	// waive ends the wait for names that are not looked up yet.
	waive struct{}
)

// born is what an actor tells its parent when it is started, for the first time or again; the answer is what it is to do.
type born struct{ name string }

func newBackends(system *supervisor.System, workers *actor.PID, o Options, l *ledger) *backends {
	b := &backends{
		ledger: l, system: system, workers: workers, resolver: o.Resolver, check: shown(o.Tracer), log: named(o.Log, "backends"),
		leaving: make(map[string]bool),
	}
	if b.resolver == nil {
		b.resolver = &StubResolver{}
	}
	return b
}

// Receive implements actor.Actor.
func (b *backends) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		b.takeOver(ctx)
	case *actor.Stopping, *actor.Restarting:
		stopTimers(b.stepper, b.waiver, b.looker)
	case *actor.Terminated:
		b.gone(ctx, m.Who)
	case messages.ConfigChanged:
		b.config = m.Config
		b.reconcile(ctx)
	case born:
		b.charge(ctx, m.name)
	case doubted:
		b.judge(ctx, m.id)
	case standing:
		b.learn(ctx, m)
	case listed:
		b.list(ctx, m)
	case messages.Outcome:
		if e := b.entries[m.Backend]; e != nil && e.pid != nil {
			ctx.Send(e.pid, m)
		}
	case messages.DrainBackend, messages.EnableBackend, messages.WeighBackend, messages.BackendsAsked,
		messages.BackendsRecorded:
		b.answer(ctx, m)
	case publish:
		b.publish(ctx)
	case lookAtFiles:
		b.lookAtFiles(ctx)
	case step:
		b.stepping = false
		b.change(ctx)
	case waive:
		b.waive(ctx)
	}
}

// takeOver begins with what the ledger has: nothing, or all that a predecessor left, whose children are gone.
func (b *backends) takeOver(ctx actor.Context) {
	for _, e := range b.entries {
		e.pid, e.sent = nil, duty{}
	}
	for _, l := range b.services {
		l.pid = nil
	}
	b.reconcile(ctx)
}

// reconcile starts, keeps and stops children, so that there is one for each backend that is wanted.
func (b *backends) reconcile(ctx actor.Context) {
	b.readCredentials(ctx)
	b.reconcileServices(ctx)
	want := b.wanted()
	keep := make(map[string]bool, len(want))
	for _, w := range want {
		keep[w.ID()] = true
	}
	for id, e := range b.entries {
		if !keep[id] {
			b.dismiss(ctx, e.pid, backendName(id))
			delete(b.entries, id)
		}
	}
	b.order = b.order[:0]
	for i, w := range want {
		b.order = append(b.order, b.keep(ctx, w, firstProbe(i, len(want), b.config.Health.Interval)))
	}
	b.hold(ctx)
	b.change(ctx)
}

// keep makes or updates the entry of a backend, and its child.
func (b *backends) keep(ctx actor.Context, want messages.Backend, delay time.Duration) *entry {
	id := want.ID()
	e := b.entries[id]
	if e == nil {
		e = &entry{backend: want, delay: delay, last: standing{id: id}}
		b.entries[id] = e
	}
	if e.backend.Weight != want.Weight {
		e.weight = 0
	}
	e.backend = want
	if e.pid == nil {
		e.pid = b.spawn(ctx, backendName(id), func() actor.Actor {
			return &backend{system: b.system, resolver: b.resolver, check: b.check, log: b.log, id: id}
		})
		return e
	}
	b.assign(ctx, e)
	return e
}

// spawn starts a child; nil while one of that name is still on its way out: then it is started when that is gone.
func (b *backends) spawn(ctx actor.Context, name string, producer actor.Producer) *actor.PID {
	if b.leaving[name] {
		return nil
	}
	pid, err := ctx.SpawnNamed(b.system.Props(producer), name)
	if err != nil {
		panic(fmt.Errorf("spawn %s: %w", name, err))
	}
	return pid
}

func (b *backends) dismiss(ctx actor.Context, pid *actor.PID, name string) {
	if pid != nil {
		b.leaving[name] = true
		ctx.Stop(pid)
	}
}

// gone notes the end of a child. One of the same name may be wanted again by now.
func (b *backends) gone(ctx actor.Context, who *actor.PID) {
	name := who.Id[len(ctx.Self().Id)+1:]
	if b.leaving[name] {
		delete(b.leaving, name)
		b.reconcile(ctx)
	}
}

// charge tells a child that was born what it is to do, and what its predecessor knew.
func (b *backends) charge(ctx actor.Context, id string) {
	if e := b.entries[id]; e != nil && e.pid != nil {
		e.sent, e.falls = b.duty(e), false
		ctx.Send(e.pid, charge{duty: e.sent, last: e.last, delay: e.delay})
		e.delay = 0
	}
}

// assign tells a child of a change of its duty.
func (b *backends) assign(ctx actor.Context, e *entry) {
	if d := b.duty(e); e.pid != nil && e.sent != (duty{}) && e.sent != d {
		e.sent = d
		ctx.Send(e.pid, d)
	}
}

func (b *backends) duty(e *entry) duty {
	return duty{backend: e.backend, health: b.config.Health, drained: e.drained, tls: b.tls}
}

// learn takes what a child has found out.
func (b *backends) learn(ctx actor.Context, s standing) {
	e := b.entries[s.id]
	if e == nil {
		return
	}
	was := e.last
	e.last, e.falls = s, e.falls && s.doubted
	if was.settled && was.state != messages.Up && s.state == messages.Up && b.config.SlowStart > 0 {
		e.rises = time.Now()
	}
	if was.settled != s.settled || was.state != s.state || !slices.Equal(was.addresses, s.addresses) {
		b.change(ctx)
	}
}

func backendName(id string) string { return "backend/" + id }
