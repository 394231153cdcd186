package actors

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/actors/health"
	"lb/messages"
	"lb/proxy"
	"lb/supervisor"
)

// prober is the actor that checks one backend from time to time. A probe runs on a goroutine of its own, which lives no
// longer; between two of them there is only a timer.
type prober struct {
	// Immutable.
	system *supervisor.System
	check  check

	target target
	aimed  bool
	turn   int         // of targets: a probe of an earlier one does not count
	timer  *time.Timer // of the next probe
	due    time.Time
	began  time.Time // of the last probe
	runs   bool
}

// check carries out one probe of a target and returns its evidence; false: there is none, as the fault was on this side.
type check func(ctx context.Context, t target) (p health.Probe, counts bool)

type (
	// target is what to probe.
	target struct {
		backend   messages.Backend
		addresses []netip.AddrPort
		health    messages.Health
		delay     time.Duration // until the first probe
		tls       *tls.Config   // for all backends; never written
		tracer    *proxy.Tracer // of handshakes; may be nil
	}
	// probeNow is due when the next probe is.
	probeNow struct{}
	// soon orders that the next probe comes before its time.
	soon struct{}
	// atOnce orders that the next probe comes now. It does not, for as long as one that was ordered soon would take,
	// after the last one: requests that fail by the thousand order one each time that it passes.
	atOnce struct{}
	// checked is the end of a probe's goroutine, probed its evidence.
	checked struct {
		turn   int
		began  time.Time
		probe  health.Probe
		counts bool
	}
	probed struct{ probe health.Probe }
)

// hurried is the part of the interval after which a probe comes that is wanted soon.
const hurried = 5

// firstSpread is how far apart the first probes of several backends are at most.
const firstSpread = 20 * time.Millisecond

// Receive implements actor.Actor.
func (p *prober) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		ctx.Send(ctx.Parent(), born{"prober"})
	case *actor.Stopping, *actor.Restarting:
		stopTimers(p.timer)
	case target:
		p.aim(ctx, m)
	case probeNow:
		p.run(ctx)
	case soon:
		p.hurry(ctx, p.target.health.Interval/hurried)
	case atOnce:
		p.hurry(ctx, max(0, time.Until(p.began.Add(p.target.health.Interval/hurried))))
	case checked:
		p.checked(ctx, m)
	}
}

// aim takes a target. A change of what a probe is counts from now on; a new rhythm begins with a probe.
func (p *prober) aim(ctx actor.Context, t target) {
	was, first := p.target, !p.aimed
	p.target, p.aimed = t, true
	if !first && was.health == t.health && slices.Equal(was.addresses, t.addresses) {
		return
	}
	p.turn++
	switch {
	case t.health.Type == messages.HealthOff || len(t.addresses) == 0:
		stopTimers(p.timer)
		p.timer = nil
	case p.runs: // its end orders the next one
	case first || p.timer == nil:
		p.schedule(ctx, t.delay)
	case was.health.Interval != t.health.Interval:
		p.schedule(ctx, min(max(0, time.Until(p.due)), spread(t.health.Interval)))
	}
}

func (p *prober) schedule(ctx actor.Context, delay time.Duration) {
	stopTimers(p.timer)
	p.due = time.Now().Add(delay)
	self := ctx.Self()
	p.timer = p.system.Goroutines.After("next probe", delay, func() { p.system.Root.Send(self, probeNow{}) })
}

// hurry has the next probe come after the delay at the latest.
func (p *prober) hurry(ctx actor.Context, delay time.Duration) {
	if p.timer != nil && !p.runs && time.Until(p.due) > delay {
		p.schedule(ctx, delay)
	}
}

// run starts a probe. Its end comes back as a message in any case.
func (p *prober) run(ctx actor.Context) {
	if p.runs || p.timer == nil {
		return
	}
	p.runs, p.began = true, time.Now()
	self, target, result := ctx.Self(), p.target, checked{turn: p.turn, began: p.began}
	p.system.Goroutines.Go("probe "+target.backend.ID(), func() {
		defer func() { p.system.Root.Send(self, result) }()
		limit, cancel := context.WithTimeout(context.Background(), target.health.Timeout)
		defer cancel()
		result.probe, result.counts = p.check(limit, target)
		result.probe.Began = result.began
	})
}

func (p *prober) checked(ctx actor.Context, m checked) {
	p.runs = false
	if p.timer != nil {
		p.schedule(ctx, max(0, time.Until(m.began.Add(spread(p.target.health.Interval)))))
	}
	if m.counts && m.turn == p.turn {
		ctx.Send(ctx.Parent(), probed{m.probe})
	}
}

// spread is an interval that differs by up to a tenth, so that the probes of many do not march in step.
func spread(interval time.Duration) time.Duration {
	tenth := int64(interval / 10)
	return interval - time.Duration(tenth) + time.Duration(rand.Int64N(2*tenth+1))
}

// firstProbe is the delay of the first probe of the backend at that place of so many: soon, but not all in one moment.
func firstProbe(place, of int, interval time.Duration) time.Duration {
	return time.Duration(place) * min(interval/time.Duration(max(1, of)), firstSpread)
}
