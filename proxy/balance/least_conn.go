package balance

import "slices"

// leastConn picks the member with the fewest exchanges in flight for its weight. The members stand in a heap by that,
// each at a place that it knows, so that a pick and a change cost O(log n). Among those that are loaded alike, as all
// are when there is little to do, it goes by weighted turns as the weighted strategy does: otherwise the first would
// get everything.
type leastConn struct {
	heap   []*Member
	now    uint64 // when the turn of the last pick was due
	random func() uint64
}

func (l *leastConn) pick(r Request) *Member {
	m := l.first(0, r.Tried)
	if m == nil {
		return nil
	}
	l.now = l.next(m)
	m.due = l.now + m.stride.step()
	l.moved(m)
	return m
}

// next is when a member's turn is, seen from now: what it missed while it was loaded more than others is gone.
func (l *leastConn) next(m *Member) uint64 {
	if int64(m.due-l.now) < 0 {
		return l.now
	}
	return m.due
}

// first is the member of the heap below i to be picked before all others that were not tried. Since a heap is in order,
// only the branches below tried ones are looked at.
func (l *leastConn) first(i int, tried []*Member) *Member {
	if i >= len(l.heap) {
		return nil
	}
	if m := l.heap[i]; !slices.Contains(tried, m) {
		return m
	}
	left, right := l.first(2*i+1, tried), l.first(2*i+2, tried)
	if left == nil || right != nil && before(right, left) {
		return right
	}
	return left
}

// moved restores the heap's order around a member.
func (l *leastConn) moved(m *Member) {
	if at := m.at; l.rise(at) == at {
		l.sink(at)
	}
}

// set keeps the turns of the members that stay and gives newcomers one within their first stride, at a random point of
// it, so that many workers do not start with the same member.
func (l *leastConn) set(members []*Member) {
	for _, m := range members {
		stayed := m.at < len(l.heap) && l.heap[m.at] == m
		if weight := m.weight(); !stayed || m.stride.weight != weight {
			m.stride = stride{weight: weight}
			m.due = l.now + below(l.random, lap/weight)
		}
	}
	l.heap = slices.Clone(members)
	for i, m := range l.heap {
		m.at = i
	}
	for i := len(l.heap)/2 - 1; i >= 0; i-- {
		l.sink(i)
	}
}

// before is the order of the heap.
func before(a, b *Member) bool {
	if a.lighter(b) {
		return true
	}
	return !b.lighter(a) && int64(a.due-b.due) < 0
}

func (l *leastConn) rise(i int) int {
	for i > 0 && before(l.heap[i], l.heap[(i-1)/2]) {
		l.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i
}

func (l *leastConn) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(l.heap) {
			return
		}
		if right := child + 1; right < len(l.heap) && before(l.heap[right], l.heap[child]) {
			child = right
		}
		if !before(l.heap[child], l.heap[i]) {
			return
		}
		l.swap(i, child)
		i = child
	}
}

func (l *leastConn) swap(i, j int) {
	l.heap[i], l.heap[j] = l.heap[j], l.heap[i]
	l.heap[i].at, l.heap[j].at = i, j
}
