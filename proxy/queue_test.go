package proxy

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"lb/messages"
)

// The queue against a slice: whoever leaves, and from wherever, the others keep their order.
func TestQueueKeepsTheOrderWhoeverLeaves(t *testing.T) {
	draw := rand.New(rand.NewPCG(2, 2))
	w := worker(t, messages.DefaultConfig(), "127.0.0.1:9001,max=1")
	w.balancer.Begin(&w.backends["127.0.0.1:9001"].member)
	q := &w.queue
	var want []*exchange
	for range 5000 {
		if n := len(want); n > 0 && draw.IntN(50) < n {
			at := draw.IntN(n)
			q.leave(want[at])
			q.leave(want[at]) // once is enough
			want = slices.Delete(want, at, at+1)
		} else {
			x := &exchange{worker: w}
			q.enter(x)
			want = append(want, x)
		}
		expectOrder(t, q, want)
	}
	for _, x := range want { // they have no client to be answered, however long all this took
		q.leave(x)
	}
}

func expectOrder(t *testing.T, q *queue, want []*exchange) {
	t.Helper()
	var forwards, backwards []*exchange
	for x := q.first; x != nil; x = x.later {
		forwards = append(forwards, x)
	}
	for x := q.last; x != nil; x = x.earlier {
		backwards = append(backwards, x)
	}
	slices.Reverse(backwards)
	if !slices.Equal(forwards, want) || !slices.Equal(backwards, want) || q.length != len(want) {
		t.Fatalf("%d forwards, %d backwards, length %d; want %d in order", len(forwards), len(backwards), q.length, len(want))
	}
}

// Of 10 places and 300 ms for two workers each has 5 and the whole time.
func TestQueueLimits(t *testing.T) {
	config := messages.DefaultConfig()
	f := func(limit int, time time.Duration) {
		t.Helper()
		w := worker(t, config, "127.0.0.1:9001")
		x := &exchange{worker: w, waiting: waiting{since: 1000}}
		if got := w.queue.limit(); got != limit {
			t.Errorf("%d places, want %d", got, limit)
		}
		if got := w.queue.expires(x) - 1000; got != int64(time) {
			t.Errorf("a wait of %d ns, want %v", got, time)
		}
	}
	f(512, time.Second)
	config.Limits.Queue, config.Limits.QueueTime = 10, 300*time.Millisecond
	f(5, 300*time.Millisecond)
	config.Limits.Queue = 1
	f(1, 300*time.Millisecond)
}
