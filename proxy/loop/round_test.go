//go:build !sim

package loop

import (
	"math"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// echo returns what comes, as a transport would: without telling the scheduler, and with one read.
type echo struct {
	loop  *Loop
	fd    int
	timer Timer
}

func (e *echo) Ready(events Events) {
	if events&Readable == 0 {
		return
	}
	buffer := unsafe.Pointer(unsafe.SliceData(e.loop.Scratch()))
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(e.fd), uintptr(buffer), ScratchSize)
	if errno == 0 && n > 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(e.fd), uintptr(buffer), n)
	}
	e.loop.Arm(&e.timer, e.loop.Now()+int64(1e9))
}

func (e *echo) Expired(now int64) int64 { return now + 1e9 }

// echoing registers an echo on one end of a pair; the other is returned.
func echoing(t testing.TB, l *Loop) (fd int) {
	t.Helper()
	a, b := pair(t)
	e := &echo{loop: l, fd: a}
	e.timer.Owner = e
	register(t, l, a, e)
	return b
}

func TestARoundAllocatesNothing(t *testing.T) {
	l := stepping(t, Options{})
	peer := echoing(t, l)
	turns := 0
	var greedy *again
	greedy = &again{func() { turns++; l.Again(greedy) }}
	l.Again(greedy)
	ping, pong := []byte("ping"), make([]byte, 8)
	answered := 0
	allocations := testing.AllocsPerRun(1000, func() {
		_, _ = unix.Write(peer, ping)
		if err := l.wait(); err != nil {
			t.Error(err)
		}
		l.round()
		if n, _ := unix.Read(peer, pong); n == len(ping) {
			answered++
		}
	})
	if allocations != 0 || answered < 1000 || turns < 1000 {
		t.Errorf("%v allocations a round with %d answers and %d turns", allocations, answered, turns)
	}
}

// again is a Handler that is a pointer, so that it fits into an interface without an allocation.
type again struct{ turn func() }

func (a *again) Ready(Events) { a.turn() }

func TestATurnThatIsOverKeepsNothingAlive(t *testing.T) {
	l := stepping(t, Options{})
	for range 3 {
		l.Again(&again{func() {}})
	}
	step(t, l)
	step(t, l)
	for _, turns := range [][]Handler{l.turn[:cap(l.turn)], l.again[:cap(l.again)]} {
		for _, h := range turns {
			if h != nil {
				t.Error("a handler is still referred to")
			}
		}
	}
	if l.whose != nil {
		t.Error("the last handler is still referred to")
	}
}

func TestThroughputNeverYields(t *testing.T) {
	l := stepping(t, Options{})
	var dispatcher interface {
		Schedule(fn func())
		Throughput() int
	} = l
	ran := false
	dispatcher.Schedule(func() { ran = true })
	step(t, l)
	if !ran || dispatcher.Throughput() != math.MaxInt {
		t.Errorf("ran: %v, throughput: %d", ran, dispatcher.Throughput())
	}
}

func TestTheBuffersAreApart(t *testing.T) {
	l := stepping(t, Options{})
	if len(l.Scratch()) != ScratchSize || len(l.Outgoing()) != 0 || cap(l.Outgoing()) != OutgoingSize {
		t.Fatalf("%d bytes of scratch, %d of %d outgoing", len(l.Scratch()), len(l.Outgoing()), cap(l.Outgoing()))
	}
	l.Scratch()[0] = 'a'
	_ = append(l.Outgoing(), 'b')
	if l.Scratch()[0] != 'a' || l.Outgoing()[:1][0] != 'b' {
		t.Error("one buffer overwrote the other")
	}
}

// BenchmarkRound is the whole cost of one event by the loop itself: wait, clock, dispatch and a comparison of
// deadlines, with the echo's read and write and the peer's.
func BenchmarkRound(b *testing.B) {
	l := stepping(b, Options{})
	peer := echoing(b, l)
	step(b, l)
	buffer := unsafe.Pointer(unsafe.SliceData([]byte("ping")))
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(peer), uintptr(buffer), 4)
		_ = l.poller.poll()
		l.round()
		_, _, _ = unix.RawSyscall(unix.SYS_READ, uintptr(peer), uintptr(buffer), 4)
	}
}

// BenchmarkEmptyRound is a round that brings nothing, without its wait.
func BenchmarkEmptyRound(b *testing.B) {
	l := stepping(b, Options{})
	echoing(b, l)
	step(b, l)
	l.poller.ready = 0
	b.ReportAllocs()
	for b.Loop() {
		l.round()
	}
}

// BenchmarkDispatch is what a further event adds to a round.
func BenchmarkDispatch(b *testing.B) {
	l := stepping(b, Options{})
	echoing(b, l)
	step(b, l) // reports Writable, which the echo ignores
	b.ReportAllocs()
	for b.Loop() {
		l.nextEvent = 0
		l.runEvents()
	}
}

// BenchmarkRoundTrip is an echo by a loop that sleeps, from another thread.
func BenchmarkRoundTrip(b *testing.B) {
	l := running(b, Options{})
	registered := make(chan int)
	l.Schedule(func() { registered <- echoing(b, l) })
	peer := <-registered
	if err := unix.SetNonblock(peer, false); err != nil {
		b.Fatal(err)
	}
	buffer := []byte("ping")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = unix.Write(peer, buffer)
		_, _ = unix.Read(peer, buffer)
	}
}

// BenchmarkSchedule is a function that an idle loop runs and whose end is awaited.
func BenchmarkSchedule(b *testing.B) {
	l := running(b, Options{})
	ran := make(chan struct{})
	fn := func() { ran <- struct{}{} }
	b.ReportAllocs()
	for b.Loop() {
		l.Schedule(fn)
		<-ran
	}
}

// BenchmarkArm is the re-arming of a timer on each request.
func BenchmarkArm(b *testing.B) {
	l := stepping(b, Options{})
	timer := Timer{Owner: owner(func(int64) int64 { return 0 })}
	l.Arm(&timer, l.Now()+1e9)
	b.ReportAllocs()
	for b.Loop() {
		l.Arm(&timer, l.Now()+2e9)
	}
}

// BenchmarkMove is arming and disarming.
func BenchmarkMove(b *testing.B) {
	l := stepping(b, Options{})
	timer := Timer{Owner: owner(func(int64) int64 { return 0 })}
	b.ReportAllocs()
	for b.Loop() {
		l.Arm(&timer, l.Now()+1e9)
		l.Disarm(&timer)
	}
}
