package loop

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// due lists the timers that expire at now, in the order in which they do.
func due(w *wheel, now int64) (timers []*Timer) {
	for t := w.expired(now); t != nil; t = w.expired(now) {
		timers = append(timers, t)
	}
	return timers
}

func TestATimerIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Timer{}); size > 48 {
		t.Errorf("%d bytes; every connection holds one", size)
	}
}

func TestATimerExpiresWithinOneTick(t *testing.T) {
	for _, deadline := range []int64{
		math.MinInt64, -1, 0, 1, tick - 1, tick, tick + 1, 64 * tick, wheelSlots*tick - 1, wheelSlots * tick,
		(wheelSlots + 1) * tick, 10*wheelSlots*tick + 5,
	} {
		var w wheel
		var timer Timer
		w.arm(&timer, deadline)
		if got := due(&w, max(deadline, 1)-1); len(got) != 0 {
			t.Errorf("deadline %d: came too early", deadline)
		}
		if got := due(&w, max(deadline, 0)+tick); len(got) != 1 {
			t.Errorf("deadline %d: did not come", deadline)
		}
		if timer.armed() || w.groups != 0 {
			t.Errorf("deadline %d: still armed after it came", deadline)
		}
	}
}

func TestATimerWithoutEndNeverExpires(t *testing.T) {
	var w wheel
	w.arm(&Timer{}, math.MaxInt64)
	for now := int64(0); now < 1000*wheelSlots*tick; now += wheelSlots * tick / 3 {
		if got := due(&w, now); len(got) != 0 {
			t.Fatalf("came at %d", now)
		}
	}
}

func TestUntilNextEndsWithTheTickOfTheTimer(t *testing.T) {
	var w wheel
	if got := w.untilNext(0); got != -1 {
		t.Errorf("an empty wheel ends a wait after %d ms", got)
	}
	var far, near Timer
	w.arm(&far, 100*wheelSlots*tick)
	if got, want := w.untilNext(0), int((slotMask*tick+1e6-1)/1e6); got != want {
		t.Errorf("a far timer ends a wait after %d ms, want %d", got, want)
	}
	w.arm(&near, 3*tick-5)
	if got, want := w.untilNext(tick), int((2*tick+1e6-1)/1e6); got != want {
		t.Errorf("a near timer ends a wait after %d ms, want %d", got, want)
	}
	if got := w.untilNext(9 * tick); got != 0 {
		t.Errorf("a late timer ends a wait after %d ms", got)
	}
	w.disarm(&near)
	w.disarm(&far)
	if got := w.untilNext(0); got != -1 {
		t.Errorf("a wheel that was emptied ends a wait after %d ms", got)
	}
}

func TestATimerThatIsAlwaysLateExpiresOnceATick(t *testing.T) {
	var w wheel
	var timer Timer
	w.arm(&timer, 1)
	for now := tick; now < 5*tick; now += tick {
		times := 0
		for got := w.expired(now); got != nil; got = w.expired(now) {
			if times++; times > 1 {
				t.Fatalf("expired again at %d", now)
			}
			w.arm(got, 1)
		}
		if times != 1 {
			t.Fatalf("expired %d times at %d", times, now)
		}
	}
}

// The wheel against a plain list: the same timers at the same times, whatever is armed, moved and disarmed between.
func TestWheelAgainstAList(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		var w wheel
		timers := make([]Timer, 200)
		wanted := map[*Timer]int64{}
		now := random.Int64N(1 << 40)
		due(&w, now)
		for range 3000 {
			timer := &timers[random.IntN(len(timers))]
			switch random.IntN(4) {
			case 0:
				if timer.armed() {
					w.disarm(timer)
				}
				delete(wanted, timer)
			case 1:
				elapsed := random.Int64N(1 << (20 + random.IntN(20)))
				checkWait(t, &w, wanted, now)
				now += elapsed
				checkExpired(t, &w, wanted, now)
			default:
				deadline := now + random.Int64N(1<<(20+random.IntN(18)))
				w.arm(timer, deadline)
				wanted[timer] = deadline
			}
		}
		checkExpired(t, &w, wanted, now+1<<41)
		if w.groups != 0 || w.used != [len(w.used)]uint64{} || w.lists != [wheelSlots]*Timer{} {
			t.Fatalf("seed %d: something is left in the wheel", seed)
		}
	}
}

// checkExpired lets the wheel expire what it will and holds it against wanted, from which it takes what came.
func checkExpired(t *testing.T, w *wheel, wanted map[*Timer]int64, now int64) {
	t.Helper()
	for _, timer := range due(w, now) {
		deadline, ok := wanted[timer]
		if !ok || deadline > now {
			t.Fatalf("a timer for %d (wanted: %v) came at %d", deadline, ok, now)
		}
		delete(wanted, timer)
	}
	for _, deadline := range wanted {
		if deadline <= now-tick {
			t.Fatalf("a timer for %d had not come at %d", deadline, now)
		}
	}
}

// checkWait holds that a wait as long as the wheel allows makes no timer late.
func checkWait(t *testing.T, w *wheel, wanted map[*Timer]int64, now int64) {
	t.Helper()
	first := int64(math.MaxInt64)
	for _, deadline := range wanted {
		first = min(first, deadline)
	}
	wait := int64(w.untilNext(now))
	if len(wanted) == 0 {
		if wait != -1 {
			t.Fatalf("nothing is wanted, and the wait is %d ms", wait)
		}
		return
	}
	if wait < 0 || now+(wait-1)*1e6 >= max(first, now)+tick {
		t.Fatalf("at %d the wait is %d ms, but the first deadline is %d", now, wait, first)
	}
}
