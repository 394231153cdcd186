package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"lb/messages"
	"lb/mp"
)

// upgradeTime is what a new process gets by default until it serves.
const upgradeTime = 30 * time.Second

var (
	errUpgradeBusy = errors.New("another upgrade is under way")
	errUpgradeOver = errors.New("this process is about to end")
)

// upgrader carries out upgrades, one at a time, each on a goroutine of its own.
type upgrader struct {
	// Immutable.
	log     *logbook
	prepare func() (mp.Upgrade, error)
	failed  func() // undoes what the new process may have done
	// replaced gets the process that has taken over.
	replaced chan *mp.Child

	mu     sync.Mutex
	over   bool           // no upgrade is wanted any more
	cancel chan struct{}  // of the one under way; nil: none
	ended  chan *mp.Child // gets its result, nil after a failure
	counts messages.Upgrades
}

// begin starts an upgrade; done, unless it is nil, is told how it ended.
func (u *upgrader) begin(done func(pid int, err error)) {
	if done == nil {
		done = func(int, error) {}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.over:
		u.count(messages.UpgradeCancelled)
		u.log.Warn().Str("logger", "upgrade").Msg("refused: this process is about to end")
		done(0, errUpgradeOver)
		return
	case u.cancel != nil:
		u.count(messages.UpgradeBusy)
		u.log.Warn().Str("logger", "upgrade").Msg("refused: another upgrade is under way")
		done(0, errUpgradeBusy)
		return
	}
	cancel := make(chan struct{})
	u.cancel, u.ended = cancel, make(chan *mp.Child, 1)
	u.log.goroutines.Go("upgrade", func() { u.run(cancel, done) })
}

// order is begin for somebody who waits for the end.
func (u *upgrader) order() (pid int, err error) {
	type result struct {
		pid int
		err error
	}
	ended := make(chan result, 1)
	u.begin(func(pid int, err error) { ended <- result{pid, err} })
	r := <-ended
	return r.pid, r.err
}

func (u *upgrader) run(cancel <-chan struct{}, done func(int, error)) {
	child, err := u.attempt(cancel)
	if err != nil {
		u.failed()
	}
	u.mu.Lock()
	u.count(resultOf(err))
	u.ended <- child
	u.over = u.over || child != nil
	u.cancel = nil
	u.mu.Unlock()
	if err != nil {
		u.log.Error().Str("logger", "upgrade").Str("result", string(resultOf(err))).Str("reason", err.Error()).
			Msg("the upgrade failed: this process goes on")
		done(0, err)
		return
	}
	done(child.PID, nil)
	u.replaced <- child
}

func (u *upgrader) attempt(cancel <-chan struct{}) (*mp.Child, error) {
	upgrade, err := u.prepare()
	if err != nil {
		return nil, err
	}
	u.log.Info().Str("logger", "upgrade").Str("file", upgrade.Start.Path).Msg("starting another process to take over")
	upgrade.Cancel = cancel
	return upgrade.Do(u.log.goroutines.Go)
}

func resultOf(err error) messages.UpgradeResult {
	var failed *mp.UpgradeError
	switch {
	case err == nil:
		return messages.Upgraded
	case errors.As(err, &failed):
		return failed.Result
	}
	return messages.UpgradeNotStarted
}

// stop cancels an upgrade that is under way and allows no other. If it was too late for that, it returns the new
// process.
func (u *upgrader) stop() *mp.Child {
	u.mu.Lock()
	u.over = true
	cancel, ended := u.cancel, u.ended
	u.mu.Unlock()
	if ended == nil {
		return nil
	}
	if cancel != nil {
		close(cancel)
	}
	return <-ended
}

// count is for the lock's holder.
func (u *upgrader) count(result messages.UpgradeResult) { u.counts[result]++ }

func (u *upgrader) counted() messages.Upgrades {
	u.mu.Lock()
	defer u.mu.Unlock()
	copied := make(messages.Upgrades, len(u.counts))
	for result, n := range u.counts {
		copied[result] = n
	}
	return copied
}

// ownFile is the file that this program was started from, by the name it was started by: an upgrade puts another one
// there, or turns a link around. It is asked for at the start, before anybody changes the directory.
func ownFile() (string, error) {
	if path, err := exec.LookPath(os.Args[0]); err == nil {
		return filepath.Abs(path)
	}
	return os.Executable()
}

func (sv *service) newUpgrader() *upgrader {
	return &upgrader{
		log: sv.log, prepare: sv.prepareUpgrade, failed: sv.restorePID, replaced: make(chan *mp.Child, 1),
		counts: sv.predecessor.upgrades(),
	}
}

// prepareUpgrade says how to start the process that is to take over, and what it has to know.
func (sv *service) prepareUpgrade() (mp.Upgrade, error) {
	records, err := sv.balancer.Records()
	if err != nil {
		return mp.Upgrade{}, err
	}
	reaper, err := sv.reaperPipe()
	if err != nil {
		return mp.Upgrade{}, err
	}
	sv.traffic.resizing.Lock()
	defer sv.traffic.resizing.Unlock()
	sockets := sv.doors.sockets()
	sockets[sv.traffic.purpose()] = sv.traffic.FDs()
	ordered := 0
	if n := int(sv.size.Load()); n != sv.workers() {
		ordered = n
	}
	return mp.Upgrade{
		Start:  mp.Start{Path: sv.executable, Args: os.Args, Role: mp.Successor, Sockets: sockets, Reaper: reaper},
		State:  messages.HandedOver{Backends: records, Upgrades: sv.upgrades.counted(), Workers: ordered},
		Within: sv.upgradeTimeout,
	}, nil
}

// reaperPipe leads to the first process of a container, if lb was that.
func (sv *service) reaperPipe() (fd int, err error) {
	if os.Getpid() != 1 {
		return sv.predecessor.reaper(), nil
	}
	if sv.reaper == nil {
		sv.reaper, err = mp.NewReaper()
	}
	if err != nil {
		return 0, err
	}
	return sv.reaper.Descriptor(), nil
}

func (sv *service) restorePID() {
	if err := sv.pid.restore(); err != nil {
		sv.log.Error().Str("logger", "upgrade").Err(err).Msg("the pid file names a process that is gone")
	}
}

// handOver finishes what runs while another process serves.
func (sv *service) handOver(child *mp.Child, ended <-chan error) error {
	sv.log.Info().Str("logger", "upgrade").Int("pid", child.PID).Msg("another process has taken over; draining")
	sv.heir.Store(child)
	sv.notify(sv.manager.Main(child.PID))
	sv.doors.leave()
	sv.balancer.CloseDoors()
	if sv.reaper != nil {
		return sv.reap(child, ended)
	}
	return sv.leave(sv.program, child, ended)
}

// parting is how to drain once another process serves: what it does not know how to take is better ended here, where
// the end is announced.
func (sv *service) parting(child *mp.Child) func(within time.Duration) error {
	if sv.upgradeMove && child.Ready.TakesAll() {
		return sv.balancer.HandOver
	}
	return sv.balancer.Drain
}

// leave drains, and hands over tunnels and connections that wait for a request.
func (sv *service) leave(p *program, child *mp.Child, ended <-chan error) error {
	defer child.Link.Close(farewellTime)
	over := make(chan struct{})
	defer close(over)
	sv.log.goroutines.Go("watch who took over", func() { sv.watch(child, over) })
	err := p.drained(sv.parting(child), sv.drain, ended, sv.log)
	if err == nil {
		sv.log.Info().Str("logger", "upgrade").Msg("drained")
		err = passedOn(child)
	}
	return err
}

// watch says at once that a process which took over has failed. This one cannot go back: it has closed its sockets, or is
// about to.
func (sv *service) watch(child *mp.Child, over <-chan struct{}) {
	select {
	case <-over:
	case <-child.Done():
		if exit := child.Exit(); exit.Status() != exitOK {
			sv.log.Error().Str("logger", "upgrade").Int("pid", child.PID).Stringer("how", exit).
				Msg("the process that took over has ended: new clients are not served")
		}
	}
}

// passedOn is the end of a process that took over and has ended before this one, which is the only one to see it.
func passedOn(child *mp.Child) error {
	select {
	case <-child.Done():
		if exit := child.Exit(); exit.Status() != exitOK {
			return &exitError{exit}
		}
	default:
	}
	return nil
}

// move hands sockets over.
func (sv *service) move(what messages.Moved, fds []int) {
	_ = sv.heir.Load().Link.Give(what, fds) // one that has ended shows otherwise
}

// exitError is the exit code of another process, which this one passes on.
type exitError struct{ mp.Exit }

// Error implements error.
func (e *exitError) Error() string { return "the process that took over: " + e.Exit.String() }

// reap stays as the first process of a container until the last one that took over has ended.
func (sv *service) reap(child *mp.Child, ended <-chan error) error {
	signalled := *sv.program
	signalled.signals = nil // they are for the other process
	sv.log.goroutines.Go("leave", func() {
		if err := sv.leave(&signalled, child, ended); err != nil {
			sv.log.Error().Str("logger", "upgrade").Err(err).Msg("not drained")
		}
		sv.doors.close()
	})
	exit := sv.reaper.Run(child, sv.signals, sv.log.goroutines.Go)
	if exit.Status() == exitOK {
		return nil
	}
	return &exitError{exit}
}
