package loop

import (
	"runtime"
	"sync/atomic"
)

// A loop that is busy sleeps for a hundred microseconds at a time. To tell Go's scheduler of each sleep, so that another
// goroutine can have the loop's processor meanwhile, costs more than it gives: the scheduler's watchdog (sysmon) takes the
// processor away and wakes a thousand times a second to do so, and the loop has to find another one. At 5,000 requests/s
// that is a tenth of all CPU. So a loop first naps: it sleeps without a word, for as long as a busy one would. Only a
// longer sleep is told.
//
// While it naps it keeps its processor. The other goroutines of the program need one of their own, or wait for the end of
// the nap.

// napMilliseconds is the longest nap. The watchdog looks every ten when nothing goes on.
const napMilliseconds = 5

var (
	loops      atomic.Int32 // that run
	processors atomic.Int32 // of Go's scheduler, when the last of them began to run
)

func beginToRun() {
	loops.Add(1)
	processors.Store(int32(runtime.GOMAXPROCS(0)))
}

// mayNap reports whether the other goroutines have a processor.
func mayNap() bool { return canNap && loops.Load() < processors.Load() }

// sleep waits until something is ready, a timer is due or the loop is woken. Hot path.
func (l *Loop) sleep(naps bool) error {
	timeout := l.wheel.untilNext(l.now)
	if !naps {
		return l.poller.wait(timeout)
	}
	nap := napMilliseconds
	if timeout >= 0 {
		nap = min(nap, timeout)
	}
	over, err := l.poller.nap(nap)
	if err != nil || !over || nap == timeout {
		return err
	}
	if timeout > 0 {
		timeout -= nap
	}
	return l.poller.wait(timeout)
}
