package proxy

import (
	"time"

	"lb/messages"
	"lb/proxy/loop"
	"lb/proxy/semantics"
)

// What a queue is limited to when the configuration does not say.
const (
	defaultQueue     = 1024
	defaultQueueTime = time.Second
)

// queue is where requests wait while every backend that they may go to has as many exchanges as it may: first come,
// first served. Whoever waits for too long, or finds the queue full, is told to come again. A waiting request costs its
// exchange and what one read has brought; its client is not read on meanwhile.
//
// An end of an exchange does not call the next one at once: it may be in the middle of a connection's turn. The queue
// asks for a turn of its own.
type queue struct {
	worker      *Worker
	first, last *exchange
	length      int
	timer       loop.Timer // the first one's time is over
	called      bool       // a turn is asked for
	turn        *exchange  // whose turn it is
}

// waiting is an exchange's place in the queue.
type waiting struct {
	earlier, later *exchange
	since          int64 // loop time; 0: it does not wait
}

// wait puts an exchange that has found no backend into the queue. False: waiting is of no use, and the client has its
// answer.
func (x *exchange) wait() bool {
	q := &x.worker.queue
	switch {
	case x.worker.balancer.Len() == 0:
		x.answer(answerFor(messages.DestinationUnavailable, ""))
		return false
	case q.length >= q.limit():
		x.answer(answerFor(messages.ConnectionLimitReached, "queue full"))
		return false
	}
	q.enter(x)
	return true
}

// mustWait reports whether others have come before.
func (x *exchange) mustWait() bool { return x.attempts == 0 && x.worker.queue.length > 0 }

func (q *queue) limit() int {
	limit := q.worker.config.Limits.Queue
	if limit == 0 {
		limit = defaultQueue
	}
	return perWorker(limit, q.worker.options.Workers)
}

// expires is when the wait of an exchange is over.
func (q *queue) expires(x *exchange) int64 {
	limit := q.worker.config.Limits.QueueTime
	if limit == 0 {
		limit = defaultQueueTime
	}
	return x.since + int64(limit)
}

func (q *queue) enter(x *exchange) {
	x.since = q.worker.loop.Now()
	x.earlier = q.last
	if q.last != nil {
		q.last.later = x
	} else {
		q.first = x
	}
	q.last = x
	q.length++
	q.worker.loop.Arm(&q.timer, q.expires(x))
	q.freed()
}

// leave takes an exchange out, if it waits.
func (q *queue) leave(x *exchange) {
	if x.since == 0 {
		return
	}
	if x.earlier != nil {
		x.earlier.later = x.later
	} else {
		q.first = x.later
	}
	if x.later != nil {
		x.later.earlier = x.earlier
	} else {
		q.last = x.earlier
	}
	x.waiting = waiting{}
	q.length--
}

// freed asks for a turn if somebody waits and could go on.
func (q *queue) freed() {
	balancer := q.worker.balancer
	if q.first != nil && !q.called && (balancer.Room() || balancer.Len() == 0) {
		q.called = true
		q.worker.loop.Again(q)
	}
}

// Ready implements loop.Handler: it has those go on who can. One whose request has been to all backends with room waits
// on, and others pass it by.
func (q *queue) Ready(loop.Events) {
	q.called = false
	if q.worker.balancer.Len() == 0 {
		q.dismiss(func(*exchange) bool { return true }, answerFor(messages.DestinationUnavailable, ""))
		return
	}
	for x := q.first; x != nil && q.worker.balancer.Room(); {
		m := x.pick()
		if m == nil {
			x = x.later
			continue
		}
		q.leave(x)
		q.turn = x
		x.try(m, x.parse())
		x.pushOn()
		x = q.first
	}
	q.turn = nil
}

// Expired implements loop.Expirer.
func (q *queue) Expired(now int64) (next int64) {
	over := func(x *exchange) bool { return q.expires(x) <= now }
	q.dismiss(over, answerFor(messages.ConnectionLimitReached, "waited too long"))
	if q.first == nil {
		return 0
	}
	return q.expires(q.first)
}

// dismiss answers those at the head of the queue for whom the condition holds.
func (q *queue) dismiss(condition func(*exchange) bool, a answer) {
	for q.first != nil && condition(q.first) {
		x := q.first
		q.leave(x)
		q.turn = x
		x.answer(a)
	}
	q.turn = nil
}

// Crashed ends the connection whose exchange had its turn when the code panicked; the others wait on.
func (q *queue) Crashed() {
	x := q.turn
	q.turn = nil
	q.freed()
	if x != nil && x.client != nil {
		x.client.Crashed()
	}
}

// comeAgain is when a client that was turned away may try again, in seconds (RFC 9110 §10.2.3).
func (a answer) comeAgain() []semantics.Field {
	if a.reason != messages.ConnectionLimitReached {
		return nil
	}
	return retryAfter
}

var retryAfter = []semantics.Field{{Name: []byte("Retry-After"), Value: []byte("1")}}
