package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"lb/mp"
)

const (
	// drainTime is what running exchanges get by default to finish in after the first signal.
	drainTime = 30 * time.Second
	// drainGrace is how much later than promised a drain may end before it is no longer waited for.
	drainGrace = 5 * time.Second
	// oneOrder is how long signals after the first are the same order: timeout(1) and supervisors signal a process and,
	// at the same moment, its group.
	oneOrder = time.Second
)

var (
	errCutShort  = errors.New("a second signal: running exchanges were cut off")
	errDrainLate = errors.New("the drain did not end in time")
)

// end is when and how a balancer is to end.
type end struct {
	within time.Duration        // what running exchanges get to finish in
	delay  time.Duration        // how long new clients are still served, though they should be sent elsewhere
	over   <-chan time.Time     // ends it without a signal; nil for never
	orders <-chan time.Duration // ends it without a signal, and says what running exchanges get; nil for never
	on     map[os.Signal]func() // what signals do that do not end it

	// quiet has nothing new begun, apart from what clients do. It returns a process that has taken over meanwhile. May be
	// nil.
	quiet func() *mp.Child
	// deaf has the sockets take no new connection; may be nil.
	deaf func() error
	// replaced gets a process that takes over, handOver lets it. ended gets the end of the balancer.
	replaced <-chan *mp.Child
	handOver func(child *mp.Child, ended <-chan error) error
}

// isEnd reports whether a signal ends the program.
func isEnd(sig os.Signal) bool {
	return sig == syscall.SIGTERM || sig == syscall.SIGINT || sig == syscall.SIGQUIT
}

// cutsOff reports whether a signal is the second one that ends the program, and no echo of the first.
func (p *program) cutsOff(sig os.Signal) bool {
	return isEnd(sig) && time.Since(p.ending) >= oneOrder
}

// untilEnd returns when the balancer has ended by itself, or after a signal and a drain; a second signal ends at once.
func (p *program) untilEnd(b balancer, e end, log *logbook) error {
	ended := make(chan error, 1)
	log.goroutines.Go("wait for the end", func() { ended <- b.Wait() })
	for {
		select {
		case err := <-ended:
			return err
		case <-e.over:
			return p.stop(b, e, ended, log)
		case e.within = <-e.orders:
			return p.stop(b, e, ended, log)
		case child := <-e.replaced:
			return e.handOver(child, ended)
		case sig := <-p.signals:
			if isEnd(sig) {
				log.Info().Str("logger", "lb").Str("signal", signalName(sig)).Dur("within_ms", e.within).Msg("draining")
				return p.stop(b, e, ended, log)
			}
			if act := e.on[sig]; act != nil {
				act()
			}
		}
	}
}

// stop has new clients sent elsewhere, serves those who come nevertheless for the delay, and drains.
func (p *program) stop(b balancer, e end, ended <-chan error, log *logbook) error {
	p.ending = time.Now()
	b.Withdraw()
	if e.quiet != nil {
		if child := e.quiet(); child != nil {
			child.Signal(syscall.SIGTERM)
			return e.handOver(child, ended)
		}
	}
	if e.delay > 0 {
		if over, err := p.linger(e.delay, ended); over {
			return err
		}
	}
	if e.deaf != nil {
		if err := e.deaf(); err != nil {
			log.Info().Str("logger", "lb").Err(err).Msg("connections may be lost that come now")
		}
	}
	err := p.drained(b.Drain, e.within, ended, log)
	if err == nil {
		log.Info().Str("logger", "lb").Msg("drained")
	}
	return err
}

// linger waits for the time, and reports whether all is over before it is.
func (p *program) linger(delay time.Duration, ended <-chan error) (over bool, err error) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case err := <-ended:
			return true, err
		case <-timer.C:
			return false, nil
		case sig := <-p.signals:
			if p.cutsOff(sig) {
				return true, errCutShort
			}
		}
	}
}

// drained drains and waits for the end, which comes by way of ended.
func (p *program) drained(drain func(time.Duration) error, within time.Duration, ended <-chan error, log *logbook,
) error {
	failed := make(chan error, 1)
	log.goroutines.Go("drain", func() {
		if err := drain(within); err != nil {
			failed <- fmt.Errorf("drain: %w", err)
		}
	})
	late := time.NewTimer(within + drainGrace)
	defer late.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case err := <-failed:
			return err
		case sig := <-p.signals:
			if p.cutsOff(sig) {
				return errCutShort
			}
		case <-late.C:
			return errDrainLate
		}
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
