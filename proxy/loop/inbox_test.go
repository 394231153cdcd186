//go:build !sim

package loop

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Each producer waits for its function to have run before it schedules the next, so the loop goes to sleep all the
// time, and one lost wake-up would end the test.
func TestNoWakeUpIsLost(t *testing.T) {
	const producers, each = 8, 2000
	l := running(t, Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for range producers {
			all.Go(func() {
				ran := make(chan struct{})
				for range each {
					l.Schedule(func() { ran <- struct{}{} })
					<-ran
				}
			})
		}
		all.Wait()
	}()
	await(t, done)
}

func TestFunctionsOfOneProducerRunInOrder(t *testing.T) {
	const producers, each = 8, 5000
	l := running(t, Options{})
	var next [producers]int // loop's thread only
	done := make(chan struct{}, producers)
	for p := range producers {
		go func() {
			for i := range each {
				l.Schedule(func() {
					if next[p] != i {
						t.Errorf("producer %d: function %d ran instead of %d", p, i, next[p])
					}
					next[p] = i + 1
				})
			}
			l.Schedule(func() { done <- struct{}{} })
		}()
	}
	for range producers {
		await(t, done)
	}
}

func TestAFloodOfFunctionsDoesNotStarveDescriptors(t *testing.T) {
	l := stepping(t, Options{})
	a, b := pair(t)
	events := 0
	register(t, l, a, ready(func(Events) { events++ }))
	ran := 0
	var flood func()
	flood = func() { ran++; l.Schedule(flood) }
	for range 3 * functionsPerRound {
		l.Schedule(flood)
	}
	for round := 1; round <= 5; round++ {
		step(t, l)
		if ran != round*functionsPerRound || events != round {
			t.Fatalf("round %d: %d functions and %d events", round, ran, events)
		}
		send(t, b, "x")
	}
	l.inbox.close() // or the flood would keep the loop from its end
}

func TestFunctionsWaitWithoutASleep(t *testing.T) {
	var rings atomic.Int32
	var i inbox
	i.open(func() { rings.Add(1) })
	i.put(func() {})
	if rings.Load() != 0 {
		t.Error("a loop that is awake was woken up")
	}
	if i.sleep() {
		t.Error("the loop may sleep although a function waits")
	}
	i.take()
	if !i.sleep() {
		t.Error("the loop may not sleep although none waits")
	}
	i.put(func() {})
	i.put(func() {})
	if rings.Load() != 1 {
		t.Errorf("a sleeping loop was woken up %d times for two functions", rings.Load())
	}
}

func TestAClosedInboxWakesNobody(t *testing.T) {
	var i inbox
	i.open(func() { t.Error("a wake-up after the end, when the descriptor may be somebody else's") })
	i.sleep()
	i.close()
	i.put(func() {})
	i.ring() // a producer that put its function before the end and comes to this only now
	if i.take() != nil {
		t.Error("a function was taken in after the end")
	}
}

func TestStopBeforeRun(t *testing.T) {
	l := opened(t, Options{})
	l.Stop()
	l.Stop()
	if err := l.Run(); err != nil {
		t.Error(err)
	}
}

func TestWhatWasScheduledBeforeTheEndRuns(t *testing.T) {
	l := opened(t, Options{})
	ran := 0
	l.Stop()
	for range 3 * functionsPerRound {
		l.Schedule(func() { ran++; l.Schedule(func() { ran = math.MinInt }) })
	}
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if ran >= 0 && ran != 3*functionsPerRound {
		t.Errorf("%d functions ran, want %d", ran, 3*functionsPerRound)
	}
}

func TestTheEndLeavesNothingBehind(t *testing.T) {
	l := opened(t, Options{})
	descriptors := l.poller.descriptors()
	l.Stop()
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	for _, fd := range descriptors {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
			t.Errorf("descriptor %d is still open: %v", fd, err)
		}
	}
	kept := new([1 << 10]byte)
	freed := make(chan struct{})
	runtime.AddCleanup(kept, func(c chan struct{}) { close(c) }, freed)
	l.Schedule(func() { t.Error("ran after the end", kept[0]) })
	l.Stop()
	kept = nil
	runtime.GC()
	await(t, freed)
	runtime.KeepAlive(l)
}

func TestARefusedWaitEndsRunAndClosesAll(t *testing.T) {
	l := opened(t, Options{})
	descriptors := l.poller.descriptors()
	if err := unix.Close(descriptors[0]); err != nil {
		t.Fatal(err)
	}
	if err := l.Run(); err == nil {
		t.Error("Run reports no error")
	}
	for _, fd := range descriptors[1:] {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
			t.Errorf("descriptor %d is still open: %v", fd, err)
		}
	}
}

// Producers that race with the end must not write their wake-up to a descriptor that is somebody else's by then.
func TestAWakeUpThatRacesWithTheEnd(t *testing.T) {
	for range 200 {
		l := opened(t, Options{})
		var producers sync.WaitGroup
		for range 4 {
			producers.Go(func() {
				for range 50 {
					l.Schedule(func() {})
				}
			})
		}
		producers.Go(l.Stop)
		if err := l.Run(); err != nil {
			t.Fatal(err)
		}
		a, b := pair(t) // takes the numbers that the loop's descriptors had
		producers.Wait()
		var buffer [8]byte
		for _, fd := range []int{a, b} {
			if n, err := unix.Read(fd, buffer[:]); err != unix.EAGAIN {
				t.Fatalf("read %d bytes, %v, from a socket nobody wrote to", n, err)
			}
		}
	}
}
