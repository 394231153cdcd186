package loop

import (
	"sync"
	"sync/atomic"
)

// inbox is the queue of functions scheduled by any goroutine for the loop: many producers, one consumer, without a
// lock, so that no producer that the kernel suspends can hold up the loop. Producers push on a stack; the loop takes
// the whole stack at once and turns it over, which restores the order of each producer.
type inbox struct {
	// Any goroutine.
	pushed   atomic.Pointer[ticket]
	sleeping atomic.Bool // the loop sleeps or is about to: whoever clears it owes it a wake-up

	// mu keeps a late wake-up from being written to a descriptor that the loop has closed and the kernel has given to
	// another connection. It is never held by a running loop, and by a producer only for the write itself.
	mu   sync.Mutex
	wake func()

	// Loop's thread only.
	due *ticket
}

// ticket is one scheduled function and the place of the next.
type ticket struct {
	fn   func()
	next *ticket
}

// ended stands in pushed once the inbox is closed.
var ended = &ticket{}

// open makes wake the way to end the loop's sleep.
func (i *inbox) open(wake func()) { i.wake = wake }

// put adds fn, unless the inbox is closed, and wakes the loop if it sleeps.
func (i *inbox) put(fn func()) {
	t := &ticket{fn: fn}
	for {
		head := i.pushed.Load()
		if head == ended {
			return
		}
		t.next = head
		if i.pushed.CompareAndSwap(head, t) {
			break
		}
	}
	// The load spares producers a write to a shared line while the loop runs; the swap lets one of them write.
	if i.sleeping.Load() && i.sleeping.CompareAndSwap(true, false) {
		i.ring()
	}
}

func (i *inbox) ring() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.wake != nil {
		i.wake()
	}
}

// pending reports whether a function waits.
func (i *inbox) pending() bool { return i.due != nil || i.pushed.Load() != nil }

// sleep announces that the loop is about to sleep, or reports false if a function waits. No wake-up is lost: either
// the producer's load of sleeping comes after this store and it wakes the loop, or its push came before this look.
func (i *inbox) sleep() bool {
	i.sleeping.Store(true)
	if i.pending() {
		i.sleeping.Store(false)
		return false
	}
	return true
}

// wakeUp announces that the loop is awake, whatever it was that ended the sleep.
func (i *inbox) wakeUp() {
	if i.sleeping.Load() {
		i.sleeping.Store(false)
	}
}

// take removes the next function; nil when there is none.
func (i *inbox) take() func() {
	if i.due == nil {
		if head := i.pushed.Load(); head == nil || head == ended {
			return nil
		}
		i.due = inOrder(i.pushed.Swap(nil))
	}
	t := i.due
	i.due = t.next
	return t.fn
}

// close refuses further functions; take still yields those that came before.
func (i *inbox) close() {
	pushed := i.pushed.Swap(ended)
	if pushed == ended {
		pushed = nil
	}
	i.due = joined(i.due, inOrder(pushed))
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wake = nil
}

// inOrder turns a stack over: what was pushed first comes first.
func inOrder(stack *ticket) *ticket {
	var first *ticket
	for stack != nil {
		stack.next, first, stack = first, stack, stack.next
	}
	return first
}

// joined is the list a followed by the list b.
func joined(a, b *ticket) *ticket {
	if a == nil {
		return b
	}
	last := a
	for last.next != nil {
		last = last.next
	}
	last.next = b
	return a
}
