package balance

// The heap of the weighted strategy: a binary heap by due time in a plain slice. It is written out because
// container/heap calls through an interface and allocates, and because turns are set aside behind the heap in the same
// slice.

// earlier compares times that lie less than half of the clock's range apart, across its wrap-around.
func earlier(a, b turn) bool { return int64(a.due-b.due) < 0 }

// sink restores the heap's order below i, whose turn has become later.
func sink(heap []turn, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if right := child + 1; right < len(heap) && earlier(heap[right], heap[child]) {
			child = right
		}
		if !earlier(heap[child], heap[i]) {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}

// rise restores the heap's order above i, the rest being in order.
func rise(heap []turn, i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !earlier(heap[i], heap[parent]) {
			return
		}
		heap[i], heap[parent] = heap[parent], heap[i]
		i = parent
	}
}
