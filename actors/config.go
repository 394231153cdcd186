package actors

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

// pollEvery is how often the file is read without an event: not every file system has them.
const pollEvery = 5 * time.Second

// mostChanges is how many changes a log line names.
const mostChanges = 20

// What the actor says to itself.
type (
	// touched: something happened near the file. settled: it may be over. polled: it is time to look anyway.
	touched struct{}
	settled struct{}
	polled  struct{}
	// configRead is a reading of the file, by its number.
	configRead struct {
		number uint64
		text   []byte
		err    error
	}
)

// configuration is the actor that watches the configuration file and tells the backends what comes of it. The file is
// read on other goroutines: a file system may take its time.
type configuration struct {
	system   *supervisor.System
	backends *actor.PID
	reloads  *reloads // outlives the actor
	log      zerolog.Logger

	watch    *watch // nil: there are no events
	pace     pace
	timer    *time.Timer  // of pace, while it runs
	poll     *time.Timer  // the next one
	reading  bool         // a reading is on its way
	again    bool         // and is to be followed by another
	orders   []*actor.PID // who waits for the next reading
	answered []*actor.PID // who waits for the one on its way

	every    time.Duration // pollEvery, but in tests
	watching func(path string, goroutines *supervisor.Goroutines, touched func()) (*watch, error)
}

func newConfiguration(system *supervisor.System, backends *actor.PID, r *reloads, log zerolog.Logger) *configuration {
	return &configuration{
		system: system, backends: backends, reloads: r, log: named(log, "config"),
		every: pollEvery, watching: startWatch,
	}
}

// Receive implements actor.Actor.
func (c *configuration) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		c.start(ctx)
	case *actor.Restarting, *actor.Stopping:
		c.stop()
	case touched:
		c.touched(ctx)
	case settled:
		c.settled(ctx)
	case polled:
		c.read(ctx)
		c.pollOn(ctx)
	case configRead:
		c.take(ctx, m)
	case messages.ReloadConfig:
		c.orders = append(c.orders, ctx.Sender())
		c.read(ctx)
	case messages.ConfigAsked:
		ctx.Respond(c.reloads.status)
	}
}

// start reads the file at once: it may have changed since lb read it, or while this actor was restarted. A
// predecessor may have failed before it told what it had accepted.
func (c *configuration) start(ctx actor.Context) {
	if c.reloads.status.Generation > 1 {
		c.publish(ctx)
	}
	self := ctx.Self()
	w, err := c.watching(c.reloads.Path, c.system.Goroutines, func() { c.system.Root.Send(self, touched{}) })
	if err != nil {
		c.log.Warn().Err(err).Dur("every_ms", c.every).Msg("no file events: the configuration file is polled")
	}
	c.watch = w
	c.read(ctx)
	c.pollOn(ctx)
}

// pollOn orders the next look. There is one such order, also when one to a predecessor has come here.
func (c *configuration) pollOn(ctx actor.Context) {
	stopTimers(c.poll)
	c.poll = c.later(ctx, "poll the configuration file", c.every, polled{})
}

func (c *configuration) stop() {
	stopTimers(c.timer, c.poll)
	if c.watch != nil {
		c.watch.close()
	}
}

func (c *configuration) later(ctx actor.Context, name string, delay time.Duration, message any) *time.Timer {
	self := ctx.Self()
	return c.system.Goroutines.After(name, delay, func() { c.system.Root.Send(self, message) })
}

func (c *configuration) touched(ctx actor.Context) {
	c.watch.heard()
	c.pace.touch(time.Now())
	if c.timer == nil {
		c.timer = c.later(ctx, "settle the configuration file", quiet, settled{})
	}
}

// settled reads the file when nothing has happened for a while, and waits on otherwise.
func (c *configuration) settled(ctx actor.Context) {
	if rest := c.pace.rest(time.Now()); rest > 0 {
		c.timer = c.later(ctx, "settle the configuration file", rest, settled{})
		return
	}
	c.timer, c.pace = nil, pace{}
	c.read(ctx)
}

// read orders a reading, one at a time. Where to look for events is found out before, so that none is missed.
func (c *configuration) read(ctx actor.Context) {
	if c.reading {
		c.again = true
		return
	}
	c.reading, c.again = true, false
	c.answered, c.orders = c.orders, nil
	c.reloads.readings++
	self, path, w, number := ctx.Self(), c.reloads.Path, c.watch, c.reloads.readings
	c.system.Goroutines.Go("read "+path, func() {
		read := configRead{number: number, err: fmt.Errorf("configuration file %s: reading it failed", path)}
		defer func() { c.system.Root.Send(self, read) }()
		if w != nil {
			w.follow()
		}
		read.text, read.err = ReadConfigFile(path)
	})
}

// take acts upon a reading. One that a predecessor ordered may be older than what is known by now.
func (c *configuration) take(ctx actor.Context, m configRead) {
	if m.number != c.reloads.readings {
		return
	}
	c.reading = false
	v := c.reloads.take(m.text, m.err, time.Now())
	if len(v.changes) > 0 {
		c.publish(ctx)
	}
	c.tell(v)
	for _, who := range c.answered {
		if who != nil {
			ctx.Send(who, messages.Done{Err: c.inFile(v.err), Text: v.text()})
		}
	}
	c.answered = nil
	if c.again {
		c.read(ctx)
	}
}

func (c *configuration) publish(ctx actor.Context) {
	ctx.Send(c.backends, messages.ConfigChanged{
		Config: c.reloads.Settings.Config, Generation: c.reloads.status.Generation,
	})
}

// tell logs a verdict that is new, or that was asked for by somebody who gets no answer, by a signal say.
func (c *configuration) tell(v verdict) {
	if !v.news && !slices.Contains(c.answered, nil) {
		return
	}
	switch {
	case v.err != nil:
		c.tellFault(v.err)
	case len(v.changes) > 0:
		c.log.Info().Str("file", c.reloads.Path).Uint64("generation", c.reloads.status.Generation).
			Strs("changes", shortened(v.changes)).Msg("configuration changed")
	case v.recovered:
		c.log.Info().Str("file", c.reloads.Path).Msg("the configuration file is right again, and changes nothing")
	case len(v.fixed) == 0:
		c.log.Info().Str("file", c.reloads.Path).Msg("the configuration file is unchanged")
	}
	if len(v.fixed) > 0 {
		c.log.Warn().Str("file", c.reloads.Path).Strs("settings", v.fixed).Msg("takes effect at the next start only")
	}
}

func (c *configuration) tellFault(err error) {
	e := c.log.Error().Str("file", c.reloads.Path)
	var fault *messages.FileError
	if errors.As(err, &fault) {
		e = e.Int("line", fault.Line).Int("column", fault.Column).Str("path", fault.Path)
	}
	e.AnErr("error", err).Msg("the configuration file is refused; the configuration stays as it was")
}

// inFile names the file where a fault does not.
func (c *configuration) inFile(err error) error {
	if fault := (*messages.FileError)(nil); errors.As(err, &fault) {
		return fmt.Errorf("%s: %w", c.reloads.Path, err)
	}
	return err
}

func shortened(changes []string) []string {
	if len(changes) <= mostChanges {
		return changes
	}
	return append(changes[:mostChanges:mostChanges], fmt.Sprintf("and %d more", len(changes)-mostChanges))
}
