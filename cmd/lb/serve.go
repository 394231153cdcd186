package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"lb/actors"
	"lb/mp"
)

const (
	// drainTime is what running exchanges get by default to finish in after the first signal.
	drainTime = 30 * time.Second
	// drainGrace is how much later than promised a drain may end before it is no longer waited for.
	drainGrace = 5 * time.Second
)

var (
	errCutShort  = errors.New("a second signal: running exchanges were cut off")
	errDrainLate = errors.New("the drain did not end in time")
)

// balancer is a running load balancer.
type balancer interface {
	// Wait returns when it has ended: nil after a drain, or why it could not go on.
	Wait() error
	// Drain stops accepting, lets running exchanges finish within the time, cuts off the rest, and ends it.
	Drain(within time.Duration) error
}

// listenOptions say where to listen and with how many event loops.
type listenOptions struct {
	Host    netip.Addr
	Port    uint16
	Workers int
}

// open opens the sockets, one for each event loop.
func (l listenOptions) open() (*mp.Listeners, error) {
	return mp.Listen(l.Host.String(), int(l.Port), l.Workers)
}

// startFunc starts a balancer with one event loop on each socket, and returns when it serves. The sockets stay the
// caller's, and open until the balancer has ended.
type startFunc func(actors.Options) (balancer, error)

// serveCommand is what lb without a command does.
func (p *program) serveCommand(c *cli.Context) error {
	switch {
	case c.Bool("help"):
		return cli.ShowAppHelp(c)
	case c.Bool("version"):
		_, err := fmt.Fprintf(p.stdout, "lb %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	}
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	log := p.openLog(s.level)
	defer log.close()
	for _, warning := range p.warnings {
		log.Warn().Str("logger", "lb").Msg(warning)
	}
	return p.serve(s, log)
}

func (p *program) serve(s settings, log *logbook) error {
	sockets, err := s.listen().open()
	if err != nil {
		return err
	}
	defer closeSockets(sockets, log)
	doors, err := openDoors(s.doors, sockets.Addr().Port(), log)
	if err != nil {
		return err
	}
	defer doors.close()
	b, err := p.start(actors.Options{
		Config: s.Config, Sockets: sockets.Shares(s.workers()), Log: log.Logger, Admin: doors.options(log),
	})
	if err != nil {
		return err
	}
	if s.pidFile != "" {
		pid, err := writePIDFile(s.pidFile)
		if err != nil {
			return errors.Join(err, b.Drain(0))
		}
		defer pid.remove()
	}
	log.Info().Str("logger", "lb").Str("version", version).Str("address", sockets.Addr().String()).
		Int("workers", s.workers()).Stringer("strategy", s.Config.Strategy).
		Int("backends", len(s.Config.Backends)).Msg("serving")
	return p.untilEnd(b, end{within: s.drain}, log)
}

func closeSockets(sockets *mp.Listeners, log *logbook) {
	if err := sockets.Close(); err != nil {
		log.Error().Str("logger", "lb").Err(err).Msg("sockets did not close")
	}
}

// end is when and how a balancer is to end.
type end struct {
	within time.Duration    // what running exchanges get to finish in
	over   <-chan time.Time // ends it without a signal; nil for never
}

// untilEnd returns when the balancer has ended by itself, or after a signal and a drain; a second signal ends at once.
func (p *program) untilEnd(b balancer, e end, log *logbook) error {
	ended := make(chan error, 1)
	log.goroutines.Go("wait for the end", func() { ended <- b.Wait() })
	select {
	case err := <-ended:
		return err
	case <-e.over:
	case sig := <-p.signals:
		log.Info().Str("logger", "lb").Str("signal", signalName(sig)).Dur("within_ms", e.within).Msg("draining")
	}
	err := p.drained(b, e.within, ended, log)
	if err == nil {
		log.Info().Str("logger", "lb").Msg("drained")
	}
	return err
}

// drained drains and waits for the end, which comes by way of ended.
func (p *program) drained(b balancer, within time.Duration, ended <-chan error, log *logbook) error {
	failed := make(chan error, 1)
	log.goroutines.Go("drain", func() {
		if err := b.Drain(within); err != nil {
			failed <- fmt.Errorf("drain: %w", err)
		}
	})
	late := time.NewTimer(within + drainGrace)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case err := <-failed:
		return err
	case <-p.signals:
		return errCutShort
	case <-late.C:
		return errDrainLate
	}
}

// signalName is "SIGTERM" for what Go calls "terminated".
func signalName(sig os.Signal) string {
	switch sig {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGQUIT:
		return "SIGQUIT"
	}
	return strings.ToUpper(sig.String())
}
