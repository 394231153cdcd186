package supervisor

import (
	"fmt"
	"time"
)

// The budget of a child whose parent asks for nothing else.
const (
	DefaultFirst  = 100 * time.Millisecond
	DefaultCap    = 30 * time.Second
	DefaultQuiet  = time.Minute
	DefaultBudget = 10
	DefaultJitter = 0.2
)

// Backoff says how long a failing child waits for its restart. The zero value holds the defaults.
type Backoff struct {
	First  time.Duration // wait before the second restart, the first one comes at once; 100 ms when zero
	Cap    time.Duration // longest wait, before jitter; 30 s when zero
	Budget int           // failures after which a child is degraded; 10 when zero
	Quiet  time.Duration // time without a failure that forgives a whole budget, evenly spread; 1 min when zero
	Jitter float64       // share by which a wait is spread to both sides, at most 1; 0.2 when zero, none when negative
}

// Score is the record of one child. The zero value is a clean one.
type Score struct {
	Failures int       // those that were not forgiven by then; at most one more than the budget
	Back     time.Time // when the child runs again after its last failure
}

// Decision is what follows from a failure.
type Decision struct {
	Failures int           // score of the child, this failure included: from 1 to one more than the budget
	Delay    time.Duration // wait before the restart; 0: at once
	Degraded bool          // the budget is spent: the child is retried at the cap
}

// String renders the decision for a log line.
func (d Decision) String() string {
	switch {
	case d.Degraded:
		return fmt.Sprintf("degraded, restart in %v", d.Delay.Round(time.Millisecond))
	case d.Delay > 0:
		return fmt.Sprintf("restart in %v", d.Delay.Round(time.Millisecond))
	}
	return "restart at once"
}

// Next judges a failure at the time now. random lies in [0, 1) and spreads the wait, so that children which fail
// together do not come back together.
func (b Backoff) Next(s Score, now time.Time, random float64) (Score, Decision) {
	b = b.filled()
	n := min(b.remaining(s, now), b.Budget) + 1
	d := Decision{Failures: n, Delay: b.spread(b.wait(n), random), Degraded: n > b.Budget}
	return Score{Failures: n, Back: now.Add(d.Delay)}, d
}

// Left returns how many failures may follow at the time now before the child is degraded, and whether it still is.
func (b Backoff) Left(s Score, now time.Time) (failures int, degraded bool) {
	b = b.filled()
	n := b.remaining(s, now)
	return max(b.Budget-n, 0), n > b.Budget
}

// remaining is the score after forgiveness. It counts from the moment the child runs again: one that only waits has not
// proved anything.
func (b Backoff) remaining(s Score, now time.Time) int {
	each := max(b.Quiet/time.Duration(b.Budget), 1)
	forgiven := max(now.Sub(s.Back), 0) / each
	return int(max(time.Duration(s.Failures)-forgiven, 0))
}

// wait is the delay after the nth failure, without jitter.
func (b Backoff) wait(n int) time.Duration {
	if n > b.Budget {
		return b.Cap
	}
	if n <= 1 {
		return 0
	}
	d := b.First
	for range n - 2 {
		if d >= b.Cap/2 {
			return b.Cap // doubling on would overflow for a large budget
		}
		d *= 2
	}
	return min(d, b.Cap)
}

func (b Backoff) spread(d time.Duration, random float64) time.Duration {
	return time.Duration(float64(d) * (1 + b.Jitter*(2*random-1)))
}

func (b Backoff) filled() Backoff {
	return Backoff{
		First:  orDefault(b.First, DefaultFirst),
		Cap:    orDefault(b.Cap, DefaultCap),
		Budget: orDefault(b.Budget, DefaultBudget),
		Quiet:  orDefault(b.Quiet, DefaultQuiet),
		Jitter: b.jitter(),
	}
}

func (b Backoff) jitter() float64 {
	if b.Jitter == 0 {
		return DefaultJitter
	}
	return min(max(b.Jitter, 0), 1)
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
