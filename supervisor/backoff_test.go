package supervisor_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"lb/supervisor"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestTwentyFailuresInASecondBackOffToTheCap(t *testing.T) {
	const ms = time.Millisecond
	want := []time.Duration{
		0, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms,
		30000 * ms, 30000 * ms, 30000 * ms, 30000 * ms, 30000 * ms,
		30000 * ms, 30000 * ms, 30000 * ms, 30000 * ms, 30000 * ms,
	}
	var (
		b     = supervisor.Backoff{Jitter: -1}
		score supervisor.Score
		got   []time.Duration
	)
	for i := range 20 {
		var d supervisor.Decision
		score, d = b.Next(score, start.Add(time.Duration(i)*50*ms), 0.99)
		got = append(got, d.Delay)
		if d.Failures != min(i+1, 11) || d.Degraded != (i >= 10) {
			t.Errorf("failure %d: %+v, want it counted and degraded from the 11th on", i+1, d)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("delays\n got %v\nwant %v", got, want)
	}
}

func TestRunningForgives(t *testing.T) {
	f := func(name string, b supervisor.Backoff, after int, quiet time.Duration, want supervisor.Decision) {
		t.Helper()
		b.Jitter = -1
		var s supervisor.Score
		for range after {
			s, _ = b.Next(s, start, 0)
		}
		now := s.Back.Add(quiet)
		left, degraded := b.Left(s, now)
		_, d := b.Next(s, now, 0)
		if d != want {
			t.Errorf("%s: %+v, want %+v", name, d, want)
		}
		budget := max(b.Budget, supervisor.DefaultBudget)
		if left != max(budget-want.Failures+1, 0) || degraded && left > 0 {
			t.Errorf("%s: %d left, degraded %v; the next failure has number %d", name, left, degraded, want.Failures)
		}
	}
	const ms = time.Millisecond
	var std supervisor.Backoff
	f("nothing yet", std, 3, 0, supervisor.Decision{Failures: 4, Delay: 400 * ms})
	f("just short of one", std, 3, 6*time.Second-1, supervisor.Decision{Failures: 4, Delay: 400 * ms})
	f("just one", std, 3, 6*time.Second, supervisor.Decision{Failures: 3, Delay: 200 * ms})
	f("all", std, 3, 18*time.Second, supervisor.Decision{Failures: 1})
	f("not more than all", std, 3, time.Hour, supervisor.Decision{Failures: 1})
	f("a degraded child", std, 15, 66*time.Second, supervisor.Decision{Failures: 1})
	f("a degraded child that ran for a moment", std, 15, 5*time.Second,
		supervisor.Decision{Failures: 11, Delay: 30 * time.Second, Degraded: true})
	f("a degraded child that is within its budget again", std, 15, 12*time.Second,
		supervisor.Decision{Failures: 10, Delay: 25600 * ms})
	f("waiting is not running", supervisor.Backoff{Quiet: time.Second}, 15, -30*time.Second,
		supervisor.Decision{Failures: 11, Delay: 30 * time.Second, Degraded: true})
	f("own quiet time", supervisor.Backoff{Quiet: time.Second}, 5, 500*ms, supervisor.Decision{Failures: 1})
	f("more failures than nanoseconds", supervisor.Backoff{Quiet: 5, Budget: 11}, 2, 1,
		supervisor.Decision{Failures: 2, Delay: 100 * ms})
}

func TestLeftKnowsTheDegraded(t *testing.T) {
	var (
		b supervisor.Backoff
		s supervisor.Score
	)
	f := func(at time.Duration, want int, degraded bool) {
		t.Helper()
		if left, is := b.Left(s, s.Back.Add(at)); left != want || is != degraded {
			t.Errorf("%v after %d failures: %d left, degraded %v", at, s.Failures, left, is)
		}
	}
	f(0, 10, false)
	for range 10 {
		s, _ = b.Next(s, start, 0.5)
	}
	f(0, 0, false)
	s, _ = b.Next(s, start, 0.5)
	f(0, 0, true)
	f(6*time.Second, 0, false)
	f(12*time.Second, 1, false)
}

func TestJitterStaysWithinItsBounds(t *testing.T) {
	f := func(jitter, random float64, want time.Duration) {
		t.Helper()
		b := supervisor.Backoff{Jitter: jitter}
		s, first := b.Next(supervisor.Score{}, start, random)
		_, d := b.Next(s, start, random)
		if first.Delay != 0 {
			t.Errorf("first delay %v, want 0: there is nothing to spread", first.Delay)
		}
		if diff := d.Delay - want; diff < -time.Microsecond || diff > time.Microsecond {
			t.Errorf("jitter %v, random %v: %v, want %v", jitter, random, d.Delay, want)
		}
	}
	f(0, 0, 80*time.Millisecond)
	f(0, 0.5, 100*time.Millisecond)
	f(0, math.Nextafter(1, 0), 120*time.Millisecond)
	f(-1, 0, 100*time.Millisecond)
	f(0.5, 0, 50*time.Millisecond)
	f(7, 0, 0)
}

func TestBudgetAndCapAreConfigurable(t *testing.T) {
	f := func(name string, b supervisor.Backoff, failures int, want supervisor.Decision) {
		t.Helper()
		b.Jitter = -1
		var (
			s supervisor.Score
			d supervisor.Decision
		)
		for range failures {
			s, d = b.Next(s, start, 0)
		}
		if d != want {
			t.Errorf("%s: %+v, want %+v", name, d, want)
		}
	}
	f("last of the budget", supervisor.Backoff{Budget: 2}, 2,
		supervisor.Decision{Failures: 2, Delay: 100 * time.Millisecond})
	f("past it", supervisor.Backoff{Budget: 2}, 3,
		supervisor.Decision{Failures: 3, Delay: 30 * time.Second, Degraded: true})
	f("no overflow", supervisor.Backoff{Budget: 1000}, 900, supervisor.Decision{Failures: 900, Delay: 30 * time.Second})
	f("first above cap", supervisor.Backoff{First: time.Hour, Cap: time.Second}, 2,
		supervisor.Decision{Failures: 2, Delay: time.Second})
	f("odd cap", supervisor.Backoff{Cap: 250 * time.Millisecond}, 4,
		supervisor.Decision{Failures: 4, Delay: 250 * time.Millisecond})
}

func TestDecisionReadsAsWords(t *testing.T) {
	f := func(d supervisor.Decision, want string) {
		t.Helper()
		if d.String() != want {
			t.Errorf("%q, want %q", d.String(), want)
		}
	}
	f(supervisor.Decision{Failures: 1}, "restart at once")
	f(supervisor.Decision{Failures: 2, Delay: 101234567}, "restart in 101ms")
	f(supervisor.Decision{Failures: 11, Delay: 30 * time.Second, Degraded: true}, "degraded, restart in 30s")
}
