package messages

import (
	"slices"
	"time"
)

// bounds are the upper bounds of the buckets of a Histogram, each included.
var bounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, 60 * time.Second,
}

// HistogramBounds lists the upper bounds of the buckets, ascending. The caller owns the slice.
func HistogramBounds() []time.Duration { return slices.Clone(bounds[:]) }

// Histogram counts durations by size. The zero value is empty. One owner writes it.
type Histogram struct {
	// Buckets count the durations up to a bound and above the one before; the last one those above all bounds.
	Buckets [len(bounds) + 1]uint64
	Sum     time.Duration
}

// Observe counts a duration. Hot path: most requests of a balancer end in the first buckets.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.Buckets[i]++
	h.Sum += d
}

// Count is the number of durations.
func (h *Histogram) Count() uint64 {
	var sum uint64
	for _, n := range h.Buckets {
		sum += n
	}
	return sum
}

// Add adds the durations of another.
func (h *Histogram) Add(other *Histogram) {
	for i, n := range other.Buckets {
		h.Buckets[i] += n
	}
	h.Sum += other.Sum
}
