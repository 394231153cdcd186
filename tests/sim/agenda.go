//go:build sim

package sim

import (
	"container/heap"
	"time"
)

// agenda is the clock and what is going to happen. What is due at the same time happens in the order of its owners,
// not in that of the calls: the product may close connections in the order of a map, and a seed must still mean one
// run.
type agenda struct {
	now     int64 // nanoseconds, from 1
	entries entries
	count   uint64
}

type entry struct {
	at    int64
	owner int
	count uint64
	do    func()
}

// after has something done after a while.
func (a *agenda) after(d time.Duration, owner int, do func()) {
	a.count++
	heap.Push(&a.entries, entry{a.now + int64(d), owner, a.count, do})
}

// next is when something is due; false when nothing is.
func (a *agenda) next() (at int64, ok bool) {
	if len(a.entries) == 0 {
		return 0, false
	}
	return a.entries[0].at, true
}

// due does what is due now, and reports whether there was anything.
func (a *agenda) due() (some bool) {
	for len(a.entries) > 0 && a.entries[0].at <= a.now {
		heap.Pop(&a.entries).(entry).do()
		some = true
	}
	return some
}

// entries are a heap.
type entries []entry

func (e entries) Len() int      { return len(e) }
func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *entries) Push(x any)   { *e = append(*e, x.(entry)) }

func (e entries) Less(i, j int) bool {
	a, b := &e[i], &e[j]
	switch {
	case a.at != b.at:
		return a.at < b.at
	case a.owner != b.owner:
		return a.owner < b.owner
	}
	return a.count < b.count
}

func (e *entries) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = entry{}
	*e = (*e)[:last]
	return x
}
