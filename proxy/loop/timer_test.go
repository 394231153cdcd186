//go:build !sim

package loop

import (
	"testing"
	"time"
)

// at runs a round of l at the given time of its clock.
func at(t testing.TB, l *Loop, now int64) {
	t.Helper()
	l.epoch = time.Now().Add(-time.Duration(now))
	step(t, l)
}

func TestRearmingIsLazy(t *testing.T) {
	l := stepping(t, Options{})
	const second = int64(time.Second)
	var wanted int64
	var came []int64
	timer := Timer{Owner: owner(func(now int64) int64 {
		if came = append(came, now/second); wanted <= now {
			return 0
		}
		return wanted
	})}
	arm := func(deadline int64) { wanted = deadline; l.Arm(&timer, deadline) }
	expect := func(when string, times ...int64) {
		t.Helper()
		if len(came) != len(times) {
			t.Fatalf("%s: came at %v s, want %v", when, came, times)
		}
		for i := range times {
			if came[i] != times[i] {
				t.Fatalf("%s: came at %v s, want %v", when, came, times)
			}
		}
	}
	at(t, l, 10*second)
	arm(15 * second)
	arm(20 * second) // the entry stays at 15
	at(t, l, 16*second)
	expect("moved away", 15+1)
	at(t, l, 19*second)
	expect("before the true deadline", 16)
	arm(18 * second) // nearer, and in the past
	at(t, l, 20*second)
	expect("moved nearer", 16, 20)
	at(t, l, 100*second)
	expect("not wanted any more", 16, 20)
	arm(101 * second)
	l.Disarm(&timer)
	l.Disarm(&timer)
	at(t, l, 200*second)
	expect("disarmed", 16, 20)
}

func TestAnExpiryMayArmAndDisarm(t *testing.T) {
	l := stepping(t, Options{})
	var came []string
	var victim, survivor Timer
	victim.Owner = owner(func(int64) int64 { came = append(came, "victim"); return 0 })
	survivor.Owner = owner(func(now int64) int64 {
		came = append(came, "survivor")
		l.Disarm(&victim)
		l.Arm(&survivor, now+1)
		return now + int64(time.Minute) // later than what stands already
	})
	l.Arm(&victim, 1)
	l.Arm(&survivor, 1) // the same slot; the later one comes first
	at(t, l, int64(time.Second))
	at(t, l, int64(2*time.Second))
	if len(came) != 2 || came[0] != "survivor" || came[1] != "survivor" {
		t.Errorf("came: %q", came)
	}
}

func TestATimerEndsTheSleep(t *testing.T) {
	l := running(t, Options{})
	came := make(chan int64, 1)
	var deadline int64
	l.Schedule(func() {
		deadline = l.Now() + 1
		l.Arm(&Timer{Owner: owner(func(now int64) int64 { came <- now; return 0 })}, deadline)
	})
	if now := await(t, came); now < deadline {
		t.Errorf("came at %d before %d", now, deadline)
	}
}

func TestTheClocksAreOfOneReading(t *testing.T) {
	l := stepping(t, Options{})
	before := time.Now()
	step(t, l)
	now, wall := l.Now(), l.Wall()
	after := time.Now()
	// The wall clock has no finer promise than that it is not set between the two readings.
	if wall.Before(before.Add(-time.Millisecond)) || wall.After(after.Add(time.Millisecond)) {
		t.Errorf("the wall clock shows %v, not between %v and %v", wall, before, after)
	}
	if l.Now() != now || l.Wall() != wall {
		t.Error("a clock moved within a round")
	}
	step(t, l)
	moved := time.Duration(l.Now() - now)
	if later := l.Wall().Sub(wall); (later-moved).Abs() > time.Millisecond || moved <= 0 {
		t.Errorf("the wall clock moved by %v, the loop's by %v", later, moved)
	}
}
