//go:build linux && !sim

package loop

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// toldOf counts the goroutines that the scheduler knows to be in system calls.
func toldOf() uint64 {
	sample := []metrics.Sample{{Name: "/sched/goroutines/not-in-go:goroutines"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// A loop to which nothing happens gives its processor back.
func TestIdleLoopDoesNotKeepItsProcessor(t *testing.T) {
	running(t, Options{})
	for deadline := time.Now().Add(patience); toldOf() == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the scheduler is not told that the loop sleeps")
		}
	}
}

// Without a processor for the other goroutines no loop naps.
func TestLoopsNapOnlyIfOthersCanRun(t *testing.T) {
	l := running(t, Options{})
	runs := make(chan struct{})
	l.Schedule(func() { close(runs) })
	await(t, runs)
	defer processors.Store(processors.Load())
	processors.Store(loops.Load() + 1)
	if !mayNap() {
		t.Error("a loop does not nap though others have a processor")
	}
	processors.Store(loops.Load())
	if mayNap() {
		t.Error("a loop naps though others have no processor")
	}
}

// A nap ends with what it waited for, whatever that is.
func TestNapEnds(t *testing.T) {
	l := running(t, Options{})
	for range 1000 {
		done := make(chan struct{})
		l.Schedule(func() { close(done) })
		await(t, done)
	}
}
