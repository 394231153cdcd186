package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"lb/actors"
	"lb/messages"
	"lb/mp"
	"lb/proxy"
)

// balancer is a running load balancer.
type balancer interface {
	// Wait returns when it has ended: nil after a drain, or why it could not go on.
	Wait() error
	// Withdraw says that new clients should be sent elsewhere. All else goes on.
	Withdraw()
	// Drain stops accepting, lets running exchanges finish within the time, cuts off the rest, and ends it.
	Drain(within time.Duration) error
	// HandOver is Drain while another process serves: it ends neither tunnels nor connections that wait for a request.
	HandOver(within time.Duration) error
	// Reload has the configuration file read, and reports whether there is one.
	Reload() bool
	// Records are what is known of the backends, for a process that takes over.
	Records() ([]messages.BackendRecord, error)
	// Resizable returns why the number of workers cannot be changed now. Resize has one for each share of the sockets.
	Resizable() error
	Resize(shares [][]int) error
	// CloseDoors ends the pages and the taking of orders.
	CloseDoors()
	// Adopt serves connections that another process has handed over.
	Adopt(what messages.Moved, fds []int)
	// Answers reports whether the data path shows signs of life.
	Answers() bool
	// Broadcast tells the processes of workers what concerns each by itself.
	Broadcast(order any)
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
	for _, warning := range append(p.warnings, s.warnings()...) {
		log.Warn().Str("logger", "lb").Msg(warning)
	}
	return p.serve(s, log)
}

// service is lb from the moment it opens its sockets to its end.
type service struct {
	*program
	settings

	log      *logbook
	traffic  traffic
	size     atomic.Int64 // workers there are to be
	doors    *doors
	balancer balancer
	started  chan struct{} // closed when there is a balancer
	upgrades *upgrader
	manager  mp.Manager
	pid      pidFile // none: the zero value
	reaper   *mp.Reaper
	orders   chan time.Duration       // to end, by way of the control socket
	shut     func()                   // closes the sockets for clients, once
	tracer   *proxy.Tracer            // nil: nothing is traced
	heir     atomic.Pointer[mp.Child] // that has taken over
}

func (p *program) serve(s settings, log *logbook) error {
	sv := &service{
		program: p, settings: s, log: log, manager: mp.FindManager(),
		orders: make(chan time.Duration, 1), started: make(chan struct{}),
	}
	defer sv.close()
	tracer, endTrace := p.openTrace(s.trace, log)
	defer endTrace()
	sv.tracer = tracer
	sv.limitMemory()
	if err := sv.open(); err != nil {
		return err
	}
	if err := sv.start(); err != nil {
		return err
	}
	return sv.untilEnd(sv.balancer, sv.end(), log)
}

// limitMemory keeps the heap below what the control group may use: the kernel would end the process.
func (sv *service) limitMemory() {
	processes := 1
	if sv.mode == master {
		processes += sv.workers()
	}
	if limit := heapLimit(processes); limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// spareProcessor has one more thread run Go code at a time than there are loops in this process: loops keep theirs while they
// nap (see package loop), and where no other is left they do not.
func (sv *service) spareProcessor(workers int) {
	if sv.mode != master && os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) <= workers {
		runtime.GOMAXPROCS(workers + 1)
	}
}

// open opens all sockets, or takes them over.
func (sv *service) open() (err error) {
	if sv.traffic, err = sv.openTraffic(sv.settings, sv.log); err != nil {
		return err
	}
	sv.shut = sync.OnceFunc(func() { closeSockets(sv.traffic.Listeners, sv.log) })
	sv.doors, err = openDoors(sv.settings.doors, sv.traffic.Addr().Port(), sv.log, sv.predecessor)
	return err
}

// start starts the balancer and tells everybody who waits for it.
func (sv *service) start() (err error) {
	sv.upgrades = sv.newUpgrader()
	sv.size.Store(int64(cmp.Or(sv.predecessor.workers(), sv.workers())))
	sv.spareProcessor(int(sv.size.Load()))
	if sv.balancer, err = sv.program.start(sv.options()); err != nil {
		return err
	}
	close(sv.started)
	if err := sv.present(); err != nil {
		return errors.Join(err, sv.balancer.Drain(0))
	}
	sv.log.Info().Str("logger", "lb").Str("version", version).Str("address", sv.traffic.Addr().String()).
		Int64("workers", sv.size.Load()).Stringer("strategy", sv.Config.Strategy).
		Int("backends", len(sv.Config.Backends)).Msg("serving")
	return nil
}

func (sv *service) options() actors.Options {
	return actors.Options{
		Config: sv.Config, Sockets: sv.traffic.Shares(int(sv.size.Load())), Launch: sv.launcher(),
		Emptied: sv.shut, Moved: sv.move,
		Log: sv.log.Logger, Admin: sv.adminOptions(), File: sv.reloading(), Known: sv.predecessor.known(),
		Tracer: sv.tracer,
	}
}

// launcher is nil when workers need no process of their own.
func (sv *service) launcher() actors.Launch {
	if sv.mode != master {
		return nil
	}
	return sv.launch
}

// The control socket takes orders a moment before the start is over: they wait for it.
func (sv *service) adminOptions() actors.AdminOptions {
	o := sv.doors.options(sv.log)
	o.SetLevel = func(word string) error { <-sv.started; return sv.setLevel(word) }
	o.Resize = func(workers int) error { <-sv.started; return sv.resize(workers) }
	o.Upgrade = func() (int, error) { <-sv.started; return sv.upgrades.order() }
	o.Upgrades = sv.upgrades.counted
	o.StopWithin = sv.drain
	o.Stop = func(within time.Duration) {
		select {
		case sv.orders <- within:
		default: // it was ordered before
		}
	}
	return o
}

// end is how this service comes to its end, and what signals do before.
func (sv *service) end() end {
	return end{
		within: sv.drain, delay: sv.drainDelay, orders: sv.orders, quiet: sv.quiet, deaf: sv.traffic.deafen,
		replaced: sv.upgrades.replaced, handOver: sv.handOver,
		on: map[os.Signal]func(){
			syscall.SIGUSR1: sv.reopenLog,
			syscall.SIGUSR2: func() { sv.upgrades.begin(nil) },
			syscall.SIGHUP:  sv.reload,
		},
	}
}

func (sv *service) reload() {
	sv.notify(sv.manager.Reloading())
	sv.hungUp(sv.balancer, sv.log)
	sv.notify(sv.manager.Ready(fmt.Sprintf("serving on %s", sv.traffic.Addr())))
}

func (sv *service) setLevel(word string) error {
	err := sv.log.level.set(word)
	if err == nil {
		sv.balancer.Broadcast(messages.ChangeLevel{Level: word})
	}
	return err
}

func (sv *service) reopenLog() {
	sv.log.reopen()
	sv.balancer.Broadcast(messages.ReopenLog{})
}

// quiet is the beginning of the end. If another process has just taken over, it is to end as well, and is returned.
func (sv *service) quiet() *mp.Child {
	child := sv.upgrades.stop()
	if child != nil {
		return child
	}
	sv.notify(sv.manager.Stopping("draining"))
	return nil
}

func (sv *service) close() {
	sv.pid.remove()
	if sv.doors != nil {
		sv.doors.close()
	}
	if sv.shut != nil {
		sv.shut()
	}
}

func closeSockets(sockets *mp.Listeners, log *logbook) {
	if err := sockets.Close(); err != nil {
		log.Error().Str("logger", "lb").Err(err).Msg("sockets did not close")
	}
}
