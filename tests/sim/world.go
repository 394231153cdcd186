//go:build sim

package sim

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"lb/messages"
	"lb/proxy"
	"lb/proxy/loop"
)

// world is one run of a seed.
type world struct {
	seed    uint64
	dice    dice
	profile profile
	config  messages.Config
	kernel  *kernel
	loop    *loop.Loop
	worker  *proxy.Worker
	hosts   []*host
	clients []*client

	requests map[int]*request
	replies  map[int]*reply
	count    int // requests so far
	made     int // replies so far

	generation uint64
	applied    *messages.Snapshot
	drained    *draining
	bare       bool  // no host is usable
	unusable   int64 // when that was so last
	faulted    int64 // when something went wrong last that lb is not to blame for
	refused    int64 // when a host last refused to look at a request
	resent     int
	panicked   uint64
	stepping   bool
	stepped    int64 // when the present round began
	idleRounds int

	failure error
	out     io.Writer // of the trace; nil: none
}

// stop ends a run from within: its value is the failure.
type stop struct{ error }

// run runs a seed in a lane and returns what is wrong.
func run(lane int, seed uint64, out io.Writer) (failure error) {
	w := &world{seed: seed, dice: newDice(seed, 0), out: out, requests: map[int]*request{}, replies: map[int]*reply{}}
	defer func() {
		if s, ok := recover().(stop); ok {
			failure = s.error
		}
	}()
	w.build(lane)
	w.live()
	w.die()
	return nil
}

// fail ends the run, now or, within a step of the loop, after it.
func (w *world) fail(format string, args ...any) {
	if w.failure != nil {
		return
	}
	w.failure = fmt.Errorf("at %v: %s", time.Duration(w.kernel.agenda.now), fmt.Sprintf(format, args...))
	w.trace("FAILED: %v", w.failure)
}

func (w *world) trace(format string, args ...any) {
	if w.out != nil {
		fmt.Fprintf(w.out, "%14v  %s\n", time.Duration(w.kernel.agenda.now), fmt.Sprintf(format, args...))
	}
}

func (w *world) build(lane int) {
	w.profile = newProfile(w.dice)
	w.config = newConfig(w.dice, &w.profile)
	w.kernel = newKernel(lane, w.seed)
	k := w.kernel
	k.observer, k.dial, k.accepting = w, w.dial, w.accepting
	w.trace("seed %d: %+v", w.seed, w.profile)
	l, err := loop.NewSimulated(k, loop.Options{Panicked: w.panics})
	if err != nil {
		panic(err)
	}
	w.loop = l
	w.worker = proxy.NewWorker(l, proxy.Options{Report: w.report, Access: w.logs, Random: newDice(w.seed, -3).Uint64})
	for i := range w.profile.hosts {
		w.hosts = append(w.hosts, w.newHost(i+1))
		w.probes(w.hosts[i])
	}
	w.publish()
	w.listen()
	for i := range w.profile.clients {
		w.clients = append(w.clients, w.newClient(i+1))
	}
	w.orders()
}

func (w *world) listen() {
	k := w.kernel
	k.listener = &socket{k: k, listens: true}
	k.open(k.listener)
	if w.profile.starves {
		k.limit = firstNumber + w.dice.between(2, 10)
	}
	w.kernel.agenda.after(2*time.Millisecond, -1, func() {
		w.loop.Schedule(func() {
			if err := w.worker.Listen(k.listener.fd); err != nil {
				w.fail("listen: %v", err)
			}
		})
	})
}

func (w *world) accepting() unix.Errno {
	if w.profile.starves && w.dice.chance(10) {
		return one(w.dice, unix.EMFILE, unix.ENFILE, unix.ECONNABORTED, unix.ENOMEM)
	}
	return 0
}

func (w *world) hostAt(a netip.AddrPort) *host { return w.hosts[int(a.Addr().As4()[3])-1] }

// dialled notes a connection to a host.
func (w *world) dialled(h *host) { h.dialled = w.kernel.agenda.now }

func (w *world) panics(whose, value any, stack []byte) {
	w.panicked++
	w.trace("panic: %v", value)
	if value != any("simulated") && value != any("a connection was to fail") {
		w.fail("panic: %v\n%s", value, stack)
	}
	w.worker.Panicked(whose, value, stack)
}

// busy reports whether a client is not over.
func (w *world) busy() bool {
	for _, c := range w.clients {
		if !c.over {
			return true
		}
	}
	return false
}

// horizon is when all must be over: no chain of pauses and limits is as long.
const horizon = 5 * time.Minute

// live runs until all clients are over.
func (w *world) live() {
	for w.busy() && w.kernel.agenda.now < int64(horizon) {
		w.advance(int64(horizon))
	}
	for _, c := range w.clients {
		if !c.over {
			w.fail("client %d waits for ever, for answer %d of %d", c.number, c.answers+1, len(c.requests))
		}
	}
	w.stopIfFailed()
}

// die ends the worker, in one of two ways, and looks at what is left.
func (w *world) die() {
	w.settle(30 * time.Second)
	w.judgeRest()
	w.loop.Schedule(w.worker.Close)
	w.settle(time.Second)
	w.judgeRest()
	w.stopIfFailed()
	if rest := w.loop.Rest(); rest >= 0 {
		w.fail("a timer is left, due in %v", rest)
	}
	w.stopIfFailed()
}

// settle goes on for a while.
func (w *world) settle(d time.Duration) {
	until := w.kernel.agenda.now + int64(d)
	for w.kernel.agenda.now < until {
		w.advance(until)
	}
}

// advance does what is due now, has the loop run a round if it would, or lets time pass.
func (w *world) advance(until int64) {
	k := w.kernel
	if k.agenda.due() {
		w.idleRounds = 0
	}
	if !w.runs() {
		w.pass(until)
		return
	}
	w.step()
	k.agenda.now += w.dice.Int64N(int64(w.roundTime()))
}

// roundTime bounds what a round takes. Long ones have more events come together.
func (w *world) roundTime() time.Duration {
	if w.dice.chance(w.profile.lags) {
		return 5 * time.Millisecond
	}
	return 60 * time.Microsecond
}

// runs reports whether the loop would run a round now.
func (w *world) runs() bool {
	if len(w.kernel.ready) > 0 {
		return true
	}
	at, some := w.wakes()
	return some && at <= w.kernel.agenda.now
}

// wakes is when the loop would wake up by itself.
func (w *world) wakes() (at int64, some bool) {
	rest := w.loop.Rest()
	return w.loop.Now() + int64(rest), rest >= 0
}

// pass lets time pass until something is due.
func (w *world) pass(until int64) {
	next := until
	if at, some := w.kernel.agenda.next(); some {
		next = min(next, at)
	}
	if at, some := w.wakes(); some {
		next = min(next, at)
	}
	w.kernel.agenda.now = max(next, w.kernel.agenda.now)
}

// maxIdleRounds bounds rounds in a row that move nothing while nothing happens: timers that are set further away, no
// more.
const maxIdleRounds = 300

func (w *world) step() {
	before := w.kernel.progress
	w.stepping, w.stepped = true, w.kernel.agenda.now
	if err := w.loop.Step(); err != nil {
		w.fail("step: %v", err)
	}
	w.stepping = false
	w.judgeQueues()
	if w.idleRounds++; w.kernel.progress != before {
		w.idleRounds = 0
	}
	if w.idleRounds > maxIdleRounds {
		w.fail("the loop spins")
	}
	w.stopIfFailed()
}

func (w *world) stopIfFailed() {
	if w.failure != nil {
		panic(stop{w.failure})
	}
}
