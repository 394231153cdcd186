package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/actors/health"
	"lb/messages"
	"lb/supervisor"
)

// backend is the actor that looks after one backend: its name, its health, its drain. Its parent has a copy of all that it
// finds out, so that a successor goes on from there.
type backend struct {
	supervisor.Strategy

	// Immutable.
	system   *supervisor.System
	resolver Resolver
	check    check
	log      zerolog.Logger
	id       string

	duty    duty
	charged bool
	known   standing
	machine *health.Machine
	prober  *actor.PID
	delay   time.Duration // until the first probe
	lookup  *time.Timer   // the next one
	looking bool          // one runs
	lost    bool          // the last one failed

	doubt *health.Attempt // would take it down, and is not counted before that is decided; nil: there is none
}

// charge is the first that a backend actor is told.
type charge struct {
	duty
	last  standing
	delay time.Duration // until the first probe
}

// Receive implements actor.Actor.
func (b *backend) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		ctx.Send(ctx.Parent(), born{b.id})
	case *actor.Stopping, *actor.Restarting:
		stopTimers(b.lookup)
	case charge:
		b.begin(ctx, m)
	default:
		if b.charged { // else it was meant for a predecessor
			b.work(ctx)
		}
	}
}

func (b *backend) work(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case duty:
		b.assume(ctx, m)
	case born:
		b.aim(ctx)
	case lookAgain:
		b.look(ctx)
	case resolved:
		b.resolved(ctx, m)
	case probed:
		b.probed(ctx, m)
	case messages.Outcome:
		b.attempted(ctx, m)
	case fallen:
		b.fall(ctx)
	case spared:
		ctx.Send(b.prober, atOnce{})
	}
}

// begin goes on from what a predecessor knew; without one the backend is up until something speaks against it.
func (b *backend) begin(ctx actor.Context, m charge) {
	if b.charged {
		return
	}
	b.charged, b.known, b.delay = true, m.last, m.delay
	machine := m.last.machine
	if m.last.since.IsZero() {
		now := time.Now()
		machine = *health.New(rules(m.health), now)
		b.known.since = now
	}
	b.machine = &machine
	b.spawnProber(ctx)
	b.duty = m.duty
	b.startLooking(ctx)
	b.assume(ctx, m.duty)
}

func (b *backend) spawnProber(ctx actor.Context) {
	props := b.system.Props(func() actor.Actor { return &prober{system: b.system, check: b.check} })
	pid, err := ctx.SpawnNamed(props, "prober")
	if err != nil {
		panic(err)
	}
	b.prober = pid
}

// assume changes what the backend is judged by, and whether it is to drain.
func (b *backend) assume(ctx actor.Context, d duty) {
	b.duty = d
	now := time.Now()
	t, _ := b.machine.Adjust(now, rules(d.health))
	b.turn(now, t.Reason)
	if draining := b.machine.State() == messages.Draining; d.drained && !draining {
		t, _ = b.machine.Drain(now)
	} else if !d.drained && draining {
		t, _ = b.machine.Resume(now)
	}
	b.turn(now, t.Reason)
	b.aim(ctx)
	b.report(ctx)
}

// probed counts what a probe saw. It ends a doubt: a failure is the last of the row, a success breaks it.
func (b *backend) probed(ctx actor.Context, m probed) {
	b.doubt = nil
	now := time.Now()
	t, _ := b.machine.Probe(now, m.probe)
	if rules(b.duty.health).Passes(m.probe) {
		b.known.passed++
	} else {
		b.known.failed++
		b.known.felled = false
	}
	if b.turn(now, t.Reason) || b.machine.Wavers() {
		b.hurry(ctx)
	}
	b.report(ctx)
}

// hurry has a backend that is down, or about to come back, probed sooner: each moment away is capacity lost.
func (b *backend) hurry(ctx actor.Context) {
	if b.known.state == messages.Down {
		ctx.Send(b.prober, soon{})
	}
}

// turn notes the state that workers go by, and reports whether it is another one. Each change is one log line.
func (b *backend) turn(now time.Time, why string) (changed bool) {
	from, to := b.known.state, b.state()
	if from == to {
		return false
	}
	b.known.state, b.known.since, b.known.why = to, now, why
	b.known.changes++
	level := zerolog.InfoLevel
	if to == messages.Down {
		level = zerolog.WarnLevel
	}
	b.log.WithLevel(level).Str("backend", b.id).Stringer("from", from).Stringer("to", to).Str("reason", why).
		Msg("a backend changed its state")
	return true
}

// state is what the machine says of a backend that can be reached.
func (b *backend) state() messages.State {
	s := b.machine.State()
	if s == messages.Up && b.known.settled && len(b.known.addresses) == 0 {
		return messages.Down
	}
	return s
}

// report gives the parent a copy of all that is known.
func (b *backend) report(ctx actor.Context) {
	b.known.machine, b.known.doubted = *b.machine, b.doubt != nil
	ctx.Send(ctx.Parent(), b.known)
}

// aim tells the prober what to probe.
func (b *backend) aim(ctx actor.Context) {
	ctx.Send(b.prober, target{
		backend: b.duty.backend, addresses: withPort(b.known.addresses, b.duty.backend.Port), health: b.duty.health,
		tls:   b.duty.tls,
		delay: b.delay,
	})
	b.delay = 0
}

// rules are what the evidence is judged by. Without probes nothing could bring a backend back: it is never ejected.
func rules(h messages.Health) health.Rules {
	r := health.Rules{Fall: h.Fall, Rise: h.Rise, Lowest: h.Lowest, Highest: h.Highest}
	if h.Type == messages.HealthOff {
		r.Fall = 0
	}
	return r
}
