package supervisor

import "sync"

// DefaultHistory is how many failures a History keeps when it is not told otherwise.
const DefaultHistory = 64

// History keeps the last failures. It may be used by several goroutines; the zero value is ready and keeps 64.
type History struct {
	Size int // failures kept; 64 when zero; not to be changed after the first

	mu    sync.Mutex
	ring  []Failure
	next  int // where the next one goes, once the ring is full
	total uint64
}

// Add records a failure and forgets the oldest when there is no room.
func (h *History) Add(f Failure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total++
	if len(h.ring) < orDefault(h.Size, DefaultHistory) {
		h.ring = append(h.ring, f)
		return
	}
	h.ring[h.next] = f
	h.next = (h.next + 1) % len(h.ring)
}

// Failures returns a copy of what is kept, oldest first.
func (h *History) Failures() []Failure {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Failure, 0, len(h.ring))
	all = append(all, h.ring[h.next:]...)
	return append(all, h.ring[:h.next]...)
}

// Total returns how many failures there were, those forgotten included.
func (h *History) Total() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}
