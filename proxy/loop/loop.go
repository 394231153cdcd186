package loop

import (
	"fmt"
	"math"
	"runtime"
	"time"
)

const (
	// ScratchSize is the size in bytes of the buffer that Scratch returns: a message head and 64 KiB behind it, so that a
	// message of that size takes one read.
	ScratchSize = 72 << 10
	// OutgoingRoom is what fits into Outgoing beside a whole read: a message head, or the framing of its chunks.
	OutgoingRoom = 4 << 10
	// OutgoingSize is the capacity in bytes of the buffer that Outgoing returns.
	OutgoingSize = ScratchSize + OutgoingRoom
)

// wallAge is for how many nanoseconds of the loop's clock Wall goes without looking at the wall clock.
const wallAge = int64(time.Second)

// Handler is what a descriptor belongs to. Ready is called on the loop's thread, once for each change of readiness:
// the descriptor is registered edge-triggered, so the handler reads or writes until the kernel has no more, or asks
// for another turn with Again.
type Handler interface {
	Ready(Events)
}

// Options of a loop; the zero value works.
type Options struct {
	// Panicked is told of a panic in a handler, a timer or a scheduled function, on the loop's thread, with whose turn
	// it was (the Handler, the Owner of the Timer, or nil for a function), the value and the stack. The loop goes on
	// with what comes after it. It must not panic itself. When nil, the panic goes on and ends Run.
	Panicked func(whose any, value any, stack []byte)
}

// Loop is an event loop. Its methods are for its own thread only, but for Schedule, Throughput and Stop; until Run is
// called, the goroutine that made it may use it as well.
type Loop struct {
	// Loop's thread only.
	poller      poller
	slots       []slot // by descriptor
	wheel       wheel
	again       []Handler // those who asked for a turn in the next round
	turn        []Handler // those whose turn is in this round
	last        []Handler // those who asked for a turn at the end of this one
	nextEvent   int       // cursors into the work of this round; a panic leaves them behind its cause
	nextTurn    int
	nextLast    int
	functions   int // scheduled functions that ran in this round
	whose       any // whose code runs
	now         int64
	busy        bool // the last wait found so many events that the next one hardly has to sleep
	stopping    bool
	wallAtZero  time.Time // wall clock when the loop's clock stood at zero, as known at wallChecked
	wallChecked int64
	scratch     []byte
	outgoing    []byte

	// Any goroutine.
	inbox inbox

	// Immutable.
	epoch    time.Time
	panicked func(whose any, value any, stack []byte)
}

// slot is the registration of one descriptor. The generation tells an event for the present owner of a descriptor from
// one for a former owner that closed it earlier in the same round.
type slot struct {
	handler    Handler
	generation uint32
}

// New makes a loop with its poller and wake-up descriptor open. Run must be called to close them.
func New(options Options) (*Loop, error) {
	l := &Loop{
		epoch:       time.Now(),
		wallChecked: -wallAge,
		panicked:    options.Panicked,
		scratch:     make([]byte, ScratchSize),
		outgoing:    make([]byte, 0, OutgoingSize),
	}
	if l.panicked == nil {
		l.panicked = func(_, value any, _ []byte) { panic(value) }
	}
	if err := l.poller.open(); err != nil {
		return nil, fmt.Errorf("event loop: %w", err)
	}
	l.inbox.open(l.poller.wake)
	l.readClock()
	return l, nil
}

// Run runs the loop on the calling goroutine, which it locks to its thread, until Stop is called. An error means that
// the kernel refused to wait for events. Whatever the reason, at its end it runs what was scheduled until then and
// closes the loop's own descriptors; registered ones remain their owners'. A loop runs once.
func (l *Loop) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	beginToRun()
	defer loops.Add(-1)
	defer l.end()
	for !l.stopping {
		if err := l.wait(); err != nil {
			return fmt.Errorf("event loop: %w", err)
		}
		l.round()
	}
	return nil
}

// Stop ends Run after the present round. Any goroutine may call it, more than once, also before Run and after its end.
func (l *Loop) Stop() { l.Schedule(func() { l.stopping = true }) }

// Register watches a non-blocking descriptor for as long as it is open, edge-triggered for all kinds of events at once,
// so that no request ever costs another registration. What it is ready for already is reported in the next round.
func (l *Loop) Register(fd int, h Handler) error {
	for fd >= len(l.slots) {
		l.slots = append(l.slots, slot{})
	}
	s := &l.slots[fd]
	if err := l.poller.add(fd, s.generation+1); err != nil {
		return fmt.Errorf("watch descriptor %d: %w", fd, err)
	}
	s.handler = h
	s.generation++
	return nil
}

// Forget drops the registration of a descriptor that its owner is about to close: closing is what takes it out of the
// poller. Events of this round that are still to come for it are dropped.
func (l *Loop) Forget(fd int) {
	s := &l.slots[fd]
	s.handler = nil
	s.generation++
}

// Unwatch takes a descriptor out of the poller without closing it: a listener that other loops may still use.
func (l *Loop) Unwatch(fd int) {
	l.Forget(fd)
	l.poller.remove(fd)
}

// Again gives h another call of Ready(0) in the next round, after the others had their turn. A handler that stops
// before the kernel has no more asks for it, since an edge-triggered poller will not report it again. The call comes
// even if h has closed its descriptor by then.
func (l *Loop) Again(h Handler) { l.again = append(l.again, h) }

// Last gives h a call of Ready(0) at the end of the present round, when all others had their turn, and before scheduled
// functions if it is asked for in a turn: for output that several of them make. One who asks twice is called twice.
func (l *Loop) Last(h Handler) { l.last = append(l.last, h) }

// Arm makes t expire at the deadline, a time of Now, or at most one tick of the wheel (16.8 ms) later; one that has
// passed already counts as the next tick. If t stands at this or an earlier deadline, nothing is done: its owner learns
// of the early one in Expired and returns the later one there. So moving a deadline away on every request costs a
// comparison. To move it nearer costs O(1).
func (l *Loop) Arm(t *Timer, deadline int64) {
	if t.armed() && t.deadline <= deadline {
		return
	}
	l.wheel.arm(t, deadline)
}

// Disarm takes t out of the wheel; it may be armed again at once.
func (l *Loop) Disarm(t *Timer) {
	if t.armed() {
		l.wheel.disarm(t)
	}
}

// Now is the loop's clock: monotonic nanoseconds, read once a round, never 0.
func (l *Loop) Now() int64 { return l.now }

// Wall is the wall clock of the same reading as Now, local time. A clock that was set is followed within a second.
func (l *Loop) Wall() time.Time {
	if l.now-l.wallChecked >= wallAge {
		t := l.wallClock()
		l.wallAtZero, l.wallChecked = t.Round(0).Add(-t.Sub(l.epoch)), l.now
	}
	return l.wallAtZero.Add(time.Duration(l.now))
}

// Scratch is the buffer that reads land in, ScratchSize bytes. It belongs to whoever runs on the loop until that
// returns.
func (l *Loop) Scratch() []byte { return l.scratch }

// Outgoing is an empty buffer with a capacity of OutgoingSize bytes that outgoing bytes are composed in, with the same
// rule as Scratch.
func (l *Loop) Outgoing() []byte { return l.outgoing }

// Schedule makes fn run on the loop's thread, in the order of calls from one goroutine. Any goroutine may call it. It
// never blocks. After the end of Run it drops fn.
func (l *Loop) Schedule(fn func()) { l.inbox.put(fn) }

// Throughput is how many messages an actor on this loop handles before it offers its thread to other goroutines. There
// is no such number: to hand a locked thread over and back costs more than most messages do.
func (l *Loop) Throughput() int { return math.MaxInt }
