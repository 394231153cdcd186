package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"lb/actors"
	"lb/mp"
)

// balancer is a running load balancer.
type balancer interface {
	// Wait returns when it has ended: nil after a drain, or why it could not go on.
	Wait() error
	// Withdraw says that new clients should be sent elsewhere. All else goes on.
	Withdraw()
	// Drain stops accepting, lets running exchanges finish within the time, cuts off the rest, and ends it.
	Drain(within time.Duration) error
	// Reload has the configuration file read, and reports whether there is one.
	Reload() bool
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
	log, err := p.openLogAt(s.logFile, s.level)
	if err != nil {
		return err
	}
	defer log.close()
	for _, warning := range p.warnings {
		log.Warn().Str("logger", "lb").Msg(warning)
	}
	if warning := tlsWarning(s.Config); warning != "" {
		log.Warn().Str("logger", "lb").Msg(warning)
	}
	return p.serve(s, log)
}

func (p *program) serve(s settings, log *logbook) error {
	sockets, err := s.listen().open()
	if err != nil {
		return err
	}
	closeOnce := sync.OnceFunc(func() { closeSockets(sockets, log) })
	defer closeOnce()
	doors, err := openDoors(s.doors, sockets.Addr().Port(), log)
	if err != nil {
		return err
	}
	defer doors.close()
	tracer, endTrace := p.openTrace(s.trace, log)
	defer endTrace()
	b, err := p.start(actors.Options{
		Config: s.Config, Sockets: sockets.Shares(s.workers()), Emptied: closeOnce,
		Log: log.Logger, Admin: doors.options(log), File: s.reloading(), Tracer: tracer,
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
	return p.untilEnd(b, end{
		within: s.drain, delay: s.drainDelay, deaf: sockets.Deafen, on: map[os.Signal]func(){
			syscall.SIGUSR1: log.reopen,
			syscall.SIGHUP:  func() { p.hungUp(b, log) },
		},
	}, log)
}

func closeSockets(sockets *mp.Listeners, log *logbook) {
	if err := sockets.Close(); err != nil {
		log.Error().Str("logger", "lb").Err(err).Msg("sockets did not close")
	}
}
