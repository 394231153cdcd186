//go:build sim

package loop

import "time"

// In a simulation (build tag sim) a loop waits on a kernel in memory and is stepped from outside, round by round.

// Kernel is what a simulated loop waits on. It reports edge-triggered, as epoll does: a descriptor that was woken, with all
// that it is ready for when the loop asks.
type Kernel interface {
	// Watch begins to report a descriptor, under the generation given.
	Watch(fd int, generation uint32)
	// Unwatch ends it, as closing the descriptor does.
	Unwatch(fd int)
	// Collect reports, in order, what became ready since the last call, at most so many descriptors.
	Collect(most int, report func(fd int, generation uint32, ready Events))
	// Now is the clock in nanoseconds, above 0.
	Now() int64
}

// NewSimulated makes a loop on a kernel in memory. It is stepped, not run.
func NewSimulated(k Kernel, o Options) (*Loop, error) {
	l, err := New(o)
	if err != nil {
		return nil, err
	}
	l.poller.kernel = k
	l.epoch = simulationBegan
	l.readClock()
	return l, nil
}

// Step runs one round, without sleeping.
func (l *Loop) Step() error {
	if err := l.wait(); err != nil {
		return err
	}
	l.round()
	return nil
}

// Rest is for how long the loop would sleep if no descriptor became ready: 0 when it has work, -1 for ever.
func (l *Loop) Rest() time.Duration {
	if len(l.again) > 0 || l.inbox.pending() {
		return 0
	}
	if ms := l.wheel.untilNext(l.now); ms >= 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return -1
}

// HandlerOf a descriptor; nil when none is registered.
func (l *Loop) HandlerOf(fd int) Handler {
	if fd >= len(l.slots) {
		return nil
	}
	return l.slots[fd].handler
}

// poller reports what its kernel does.
type poller struct {
	kernel Kernel
	ready  int // how many of events the last wait filled
	events [eventsPerWait]event
}

func (p *poller) open() error { return nil }
func (p *poller) close()      {}
func (p *poller) wake()       {}

func (p *poller) add(fd int, generation uint32) error {
	p.kernel.Watch(fd, generation)
	return nil
}

func (p *poller) remove(fd int)    { p.kernel.Unwatch(fd) }
func (p *poller) at(i int) event   { return p.events[i] }
func (p *poller) wait(_ int) error { return p.poll() }

// canNap says that there is a wait of which the scheduler learns nothing.
const canNap = false

func (p *poller) nap(milliseconds int) (over bool, err error) {
	err = p.wait(milliseconds)
	return p.ready == 0, err
}

func (p *poller) poll() error {
	p.ready = 0
	p.kernel.Collect(eventsPerWait, func(fd int, generation uint32, ready Events) {
		p.events[p.ready] = event{fd: int32(fd), generation: generation, ready: ready}
		p.ready++
	})
	return nil
}
