package proxy

import (
	"lb/messages"
	"lb/proxy/semantics"
	"lb/proxy/upstream"
)

// maxAttempts of one exchange, the first included.
const maxAttempts = 3

// maxReplay bounds the bytes of a request's body that are kept for another attempt.
const maxReplay = 64 << 10

// mayRetry says whether a request whose attempt failed may be sent again, as far as its meaning goes. One of which nothing
// was sent may always. One that was sent may have been executed: only an idempotent method may be repeated
// (RFC 9110 §9.2.2), and never after a byte of the response.
func mayRetry(m semantics.Method, f *upstream.Failure) bool {
	if f.Answered {
		return false
	}
	return !f.Sent || m.Idempotent()
}

// sameAgain says whether the backend that failed may be tried again when there is no other: the connection had grown stale,
// the backend ended it without a look at the request, or it speaks another protocol than was hoped for. A backend that
// refuses connections, resets new ones or is late would do so again, at once, and be counted as failing once more.
func sameAgain(f *upstream.Failure) bool {
	if f.Reused {
		return true
	}
	switch f.Reason {
	case messages.ConnectionTerminated, messages.DestinationUnavailable, messages.HTTPUpgradeFailed:
		return !f.Sent
	}
	return false
}

// retries decides whether there is to be another attempt, and takes it off the budget.
func (x *exchange) retries(f *upstream.Failure) bool {
	w := x.worker
	if x.attempts == maxAttempts || x.answering || x.forgotten || !mayRetry(x.method, f) {
		return false
	}
	if f.Reason == messages.HTTPResponseTimeout {
		if x.late { // the client has waited for twice the time, and it is likely to be the request that takes so long
			return false
		}
		x.late = true
	}
	x.again = sameAgain(f)
	if !x.again && !w.balancer.Others(x.tried[:x.attempts]) {
		return false
	}
	return !f.Sent || w.retries.spend(w.loop.Now())
}

// repeat makes another attempt.
func (x *exchange) repeat(f *upstream.Failure) {
	x.worker.stats.Retries++
	x.backend.stats.Retries[f.Reason]++
	x.fresh = f.Reused
	if x.attempt(x.parse()) {
		x.pushOn()
	}
}

// untimely makes another attempt if a response is the end of a connection that had waited idle for too long, rather than
// an answer: 408 says that no complete request has come, and a whole one is on its way (RFC 9110 §15.5.9). False: the
// client gets it. A backend that means it says it again on a fresh connection.
func (x *exchange) untimely(r *semantics.Response) bool {
	if r.KeepAlive || x.interim || !x.whole || !x.conn.Reused() {
		return false
	}
	f := upstream.Failure{Reason: messages.ConnectionTerminated, Sent: true, Reused: true}
	if !x.retries(&f) {
		return false
	}
	x.cancel()
	x.sending = false
	x.worker.stale(x.backend)
	x.repeat(&f)
	return true
}

// budget bounds the retries of requests that were sent, so that failing backends are not hit by a multiple of the load:
// one retry for five requests, or ten a second. Retries of what was not sent cost a backend nothing and are not counted.
type budget struct {
	tokens int64 // thousandths of a retry
	last   int64 // loop time of the last refill
}

const (
	retryCost     = 1000
	earnedPerRun  = retryCost / 5
	earnedPerTick = 10 * retryCost // a second
	maxTokens     = 100 * retryCost
)

func newBudget() budget { return budget{tokens: earnedPerTick} }

// earn is called for each request. Hot path.
func (b *budget) earn() { b.tokens = min(b.tokens+earnedPerRun, maxTokens) }

// spend takes one retry at the loop time now, and reports whether there was one left.
func (b *budget) spend(now int64) bool {
	elapsed := min(now-b.last, 1e9)
	b.tokens = min(b.tokens+elapsed*earnedPerTick/1e9, maxTokens)
	b.last = now
	if b.tokens < retryCost {
		return false
	}
	b.tokens -= retryCost
	return true
}
