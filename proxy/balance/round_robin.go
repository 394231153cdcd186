package balance

import "slices"

// roundRobin goes through its members in a ring. It starts anywhere, so that many workers do not begin with the same
// one.
type roundRobin struct {
	blind
	ring   []*Member
	next   int // index of the member whose turn it is
	random func() uint64
}

// set takes the new order and goes on with the first member, in the old order, that has stayed.
func (r *roundRobin) set(members []*Member) {
	next := r.resume(members)
	r.ring, r.next = slices.Clone(members), next
}

func (r *roundRobin) resume(members []*Member) int {
	for i := range r.ring {
		if m := r.ring[r.index(i)]; holds(members, m) {
			return m.place
		}
	}
	return int(below(r.random, uint64(len(members))))
}

func (r *roundRobin) pick(q Request) *Member {
	for ahead := range r.ring {
		if m := r.ring[r.index(ahead)]; !slices.Contains(q.Tried, m) {
			r.take(ahead)
			return m
		}
	}
	return nil
}

// take moves the member at that distance to the front and makes the one behind it the next. Whoever was passed over
// keeps its turn, only one later; advancing past it instead would cost it a turn for each exchange that retries.
func (r *roundRobin) take(ahead int) {
	taken := r.ring[r.index(ahead)]
	for ; ahead > 0; ahead-- {
		r.ring[r.index(ahead)] = r.ring[r.index(ahead-1)]
	}
	r.ring[r.next] = taken
	r.next = r.index(1)
}

// index is where the ring stands that many steps from now, for at most one lap.
func (r *roundRobin) index(ahead int) int {
	i := r.next + ahead
	if i >= len(r.ring) {
		i -= len(r.ring)
	}
	return i
}
