package proxy

import (
	"testing"

	"lb/messages"
	"lb/proxy/semantics"
	"lb/proxy/upstream"
)

func TestMayRetry(t *testing.T) {
	for _, c := range []struct {
		method         string
		sent, answered bool
		want           bool
	}{
		{"GET", false, false, true},
		{"POST", false, false, true},
		{"BREW", false, false, true},
		{"GET", true, false, true},
		{"PUT", true, false, true},
		{"DELETE", true, false, true},
		{"POST", true, false, false},
		{"PATCH", true, false, false},
		{"BREW", true, false, false},
		{"GET", true, true, false},
		{"GET", false, true, false}, // answered before it was asked
		{"POST", true, true, false},
	} {
		for _, reused := range []bool{false, true} {
			f := upstream.Failure{Sent: c.sent, Answered: c.answered, Reused: reused}
			if got := mayRetry(semantics.MethodOf([]byte(c.method)), &f); got != c.want {
				t.Errorf("%s, sent %v, answered %v, reused %v: %v", c.method, c.sent, c.answered, reused, got)
			}
		}
	}
}

// spent is how many retries the budget allows at once.
func spent(b *budget, now int64) (n int) {
	for b.spend(now) {
		n++
	}
	return n
}

func TestBudgetIsAFifthOfTheRequestsAndTenASecond(t *testing.T) {
	const second = int64(1e9)
	b := newBudget()
	b.last = second
	if got := spent(&b, second); got != 10 {
		t.Errorf("%d retries at first, want 10", got)
	}
	for range 100 {
		b.earn()
	}
	if got := spent(&b, second); got != 20 {
		t.Errorf("%d retries for 100 requests, want 20", got)
	}
	for _, c := range []struct {
		after int64
		want  int
	}{{second / 10, 1}, {second / 2, 5}, {second, 10}, {3600 * second, 10}} {
		now := b.last + c.after
		if got := spent(&b, now); got != c.want {
			t.Errorf("%d retries after %d ns of quiet, want %d", got, c.after, c.want)
		}
	}
	for range 1_000_000 {
		b.earn()
	}
	if got := spent(&b, b.last); got != 100 {
		t.Errorf("%d retries saved up, want at most 100", got)
	}
}

func TestSameBackendIsTriedAgainOnlyIfTheFailureWasNotItsOwn(t *testing.T) {
	for _, c := range []struct {
		failure upstream.Failure
		want    bool
	}{
		{upstream.Failure{Reason: messages.ConnectionTerminated, Sent: true, Reused: true}, true},
		{upstream.Failure{Reason: messages.ConnectionTerminated, Sent: true}, false},
		{upstream.Failure{Reason: messages.ConnectionTerminated}, true},
		{upstream.Failure{Reason: messages.DestinationUnavailable}, true}, // GOAWAY, REFUSED_STREAM
		{upstream.Failure{Reason: messages.HTTPUpgradeFailed}, true},      // h2 alone: once more, without the upgrade
		{upstream.Failure{Reason: messages.ConnectionRefused}, false},
		{upstream.Failure{Reason: messages.ConnectionTimeout}, false},
		{upstream.Failure{Reason: messages.HTTPResponseTimeout, Sent: true}, false},
	} {
		if got := sameAgain(&c.failure); got != c.want {
			t.Errorf("%+v: again %v, want %v", c.failure, got, c.want)
		}
	}
}
