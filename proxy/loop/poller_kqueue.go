//go:build (darwin || freebsd) && !sim

package loop

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// poller is a kqueue. A user event ends its waits.
type poller struct {
	kqueue int
	ready  int // how many of events the last wait filled
	events [eventsPerWait]unix.Kevent_t
	// generations by descriptor. kqueue forgets a descriptor when it is closed, so what a wait reports is always of
	// the present registration, but it may be stale when its turn comes: seen holds what was current at the wait.
	generations []uint32
	seen        [eventsPerWait]uint32
}

func (p *poller) open() (err error) {
	if p.kqueue, err = unix.Kqueue(); err != nil {
		return os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(p.kqueue)
	if err = p.change(userEvent(unix.EV_ADD|unix.EV_CLEAR, 0)); err != nil {
		p.close()
		return os.NewSyscallError("kevent", err)
	}
	return nil
}

func (p *poller) close() {
	_ = unix.Close(p.kqueue)
	p.kqueue, p.ready = -1, 0
}

func (p *poller) add(fd int, generation uint32) error {
	for fd >= len(p.generations) {
		p.generations = append(p.generations, 0)
	}
	p.generations[fd] = generation
	return os.NewSyscallError("kevent", p.change(both(fd, unix.EV_ADD|unix.EV_CLEAR)...))
}

// remove may find that fd is closed already, which is as good.
func (p *poller) remove(fd int) { _ = p.change(both(fd, unix.EV_DELETE)...) }

// at is the event i of the last wait.
func (p *poller) at(i int) event {
	k := &p.events[i]
	if k.Filter == unix.EVFILT_USER {
		return event{fd: wakeDescriptor}
	}
	return event{fd: int32(k.Ident), generation: p.seen[i], ready: readiness(k)}
}

// readiness translates. The end of a connection comes as a flag of either filter, with the socket's error if it failed.
func readiness(k *unix.Kevent_t) Events {
	ready := Readable
	if k.Filter == unix.EVFILT_WRITE {
		ready = Writable
	}
	if k.Flags&unix.EV_EOF == 0 {
		return ready
	}
	if k.Fflags != 0 {
		return ready | HungUp | Broken
	}
	if k.Filter == unix.EVFILT_WRITE {
		return ready // the peer may have shut down its reading side only
	}
	return ready | HungUp
}

// poll collects what is ready, without sleeping.
func (p *poller) poll() error { return p.wait(0) }

// canNap says that there is a wait of which the scheduler learns nothing.
const canNap = false

func (p *poller) nap(milliseconds int) (over bool, err error) {
	err = p.wait(milliseconds)
	return p.ready == 0, err
}

// wait collects what is ready, and sleeps for up to timeout milliseconds, or for ever if it is -1, until something is.
func (p *poller) wait(timeout int) error {
	var limit *unix.Timespec
	if timeout >= 0 {
		t := unix.NsecToTimespec(int64(timeout) * int64(time.Millisecond))
		limit = &t
	}
	n, err := unix.Kevent(p.kqueue, nil, p.events[:], limit)
	p.ready = max(n, 0)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("kevent: %w", err)
	}
	for i := range p.ready {
		if k := &p.events[i]; k.Filter != unix.EVFILT_USER {
			p.seen[i] = p.generations[k.Ident]
		}
	}
	return nil
}

// wake ends a wait that runs or the next one. Any goroutine may call it.
func (p *poller) wake() {
	// It cannot fail while the descriptor is open.
	_ = p.change(userEvent(0, unix.NOTE_TRIGGER))
}

func (p *poller) change(changes ...unix.Kevent_t) error {
	_, err := unix.Kevent(p.kqueue, changes, nil, nil)
	return err
}

// both are the changes for the two filters that watch a descriptor.
func both(fd, flags int) []unix.Kevent_t {
	changes := make([]unix.Kevent_t, 2)
	unix.SetKevent(&changes[0], fd, unix.EVFILT_READ, flags)
	unix.SetKevent(&changes[1], fd, unix.EVFILT_WRITE, flags)
	return changes
}

func userEvent(flags int, fflags uint32) unix.Kevent_t {
	k := unix.Kevent_t{Fflags: fflags}
	unix.SetKevent(&k, 0, unix.EVFILT_USER, flags)
	return k
}
