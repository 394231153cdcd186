//go:build !sim

package loop

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds how long a test awaits what must come.
const patience = 10 * time.Second

// ready makes a function a Handler.
type ready func(Events)

func (f ready) Ready(e Events) { f(e) }

// owner makes a function an Expirer.
type owner func(now int64) int64

func (f owner) Expired(now int64) int64 { return f(now) }

// running starts a loop that the end of the test stops, and reports what Run returned.
func running(t testing.TB, options Options) *Loop {
	t.Helper()
	l := opened(t, options)
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		if err := await(t, done); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return l
}

func opened(t testing.TB, options Options) *Loop {
	t.Helper()
	l, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// stepping is a loop that the test runs round by round.
func stepping(t testing.TB, options Options) *Loop {
	t.Helper()
	l := opened(t, options)
	t.Cleanup(l.end)
	return l
}

// step runs one round over what is ready now.
func step(t testing.TB, l *Loop) {
	t.Helper()
	if err := l.poller.poll(); err != nil {
		t.Fatal(err)
	}
	l.round()
}

func await[T any](t testing.TB, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return value
}

// pair is a connected pair of non-blocking sockets that the end of the test closes.
func pair(t testing.TB) (a, b int) {
	t.Helper()
	a, b = loosePair(t)
	t.Cleanup(func() { shut(t, a); shut(t, b) })
	return a, b
}

// loosePair is a pair whose sockets the test closes itself.
func loosePair(t testing.TB) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	return fds[0], fds[1]
}

func shut(t testing.TB, fd int) {
	t.Helper()
	if err := unix.Close(fd); err != nil {
		t.Errorf("close %d: %v", fd, err)
	}
}

func register(t testing.TB, l *Loop, fd int, h Handler) {
	t.Helper()
	if err := l.Register(fd, h); err != nil {
		t.Fatal(err)
	}
}

func send(t testing.TB, fd int, what string) {
	t.Helper()
	if n, err := unix.Write(fd, []byte(what)); n != len(what) {
		t.Fatalf("wrote %d of %d: %v", n, len(what), err)
	}
}

func TestChangesOfReadinessAreReportedOnce(t *testing.T) {
	l := stepping(t, Options{})
	a, b := loosePair(t)
	defer shut(t, a)
	var got []Events
	register(t, l, a, ready(func(e Events) { got = append(got, e) }))
	expect := func(when string, want ...Events) {
		t.Helper()
		got = nil
		step(t, l)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
	}
	expect("registered", Writable)
	expect("nothing happened")
	send(t, b, "x")
	expect("bytes came", Readable|Writable)
	expect("they were not read")
	send(t, b, "y")
	expect("more bytes came", Readable|Writable)
	if err := unix.Shutdown(b, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	expect("the peer ended its side", Readable|Writable|HungUp)
	l.Unwatch(a)
	send(t, a, "the descriptor is still open")
	shut(t, b)
	expect("not watched any more")
}

func TestWritableComesWhenAFullSocketDrains(t *testing.T) {
	l := stepping(t, Options{})
	a, b := pair(t)
	var got Events
	register(t, l, a, ready(func(e Events) { got |= e }))
	step(t, l)
	for fill := make([]byte, 64<<10); ; {
		if _, err := unix.Write(a, fill); errors.Is(err, unix.EAGAIN) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	got = 0
	step(t, l)
	if got != 0 {
		t.Errorf("a full socket is reported as %v", got)
	}
	for drain := make([]byte, 64<<10); ; {
		if _, err := unix.Read(b, drain); err != nil {
			break
		}
	}
	step(t, l)
	if got != Writable {
		t.Errorf("a drained socket is reported as %v", got)
	}
}

func TestAResetIsBroken(t *testing.T) {
	l := stepping(t, Options{})
	a, b := loosePair(t)
	defer shut(t, a)
	send(t, a, "unread when b closes, which makes it a reset")
	var got Events
	register(t, l, a, ready(func(e Events) { got |= e }))
	shut(t, b)
	step(t, l)
	if got&(Broken|HungUp) != Broken|HungUp {
		t.Errorf("a reset is reported as %v", got)
	}
}

func TestAnEventForAFormerOwnerOfADescriptorIsDropped(t *testing.T) {
	l := stepping(t, Options{})
	var fds [2]int
	var first, second int // calls
	closeOther := func(other int) {
		l.Forget(other)
		// The kernel gives the lowest free number to the next descriptor: the owner changes within the batch.
		shut(t, other)
		again, err := unix.Dup(fds[0] + fds[1] - other)
		if err != nil || again != other {
			t.Fatalf("got descriptor %d, %v instead of %d", again, err, other)
		}
		register(t, l, again, ready(func(Events) { second++ }))
	}
	for i := range fds {
		fds[i], _ = pair(t)
	}
	for i, fd := range fds {
		register(t, l, fd, ready(func(Events) {
			first++
			if first == 1 {
				closeOther(fds[1-i])
			}
		}))
	}
	step(t, l)
	if first != 1 || second != 0 {
		t.Errorf("%d calls for the old owners, %d for the new one, want 1 and 0", first, second)
	}
	step(t, l)
	if first != 1 || second != 1 {
		t.Errorf("%d calls for the old owners, %d for the new one in the next round, want 1 and 1", first, second)
	}
}

func TestAgainComesInTheNextRoundAndAfterTheOthers(t *testing.T) {
	l := stepping(t, Options{})
	a, b := pair(t)
	var got []string
	greedy := ready(func(e Events) {
		got = append(got, "greedy")
		l.Again(ready(func(e Events) {
			if e != 0 {
				t.Errorf("another turn with events %v", e)
			}
			got = append(got, "greedy again")
		}))
	})
	l.Again(greedy)
	step(t, l)
	register(t, l, a, ready(func(Events) { got = append(got, "other") }))
	send(t, b, "x")
	step(t, l)
	step(t, l)
	if want := []string{"greedy", "other", "greedy again"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
