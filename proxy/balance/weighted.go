package balance

import (
	"cmp"
	"slices"
)

// lap is the time, in ticks of no real length, in which a member is picked as often as its weight says. A power of two
// far above MaxWeight, so that rounding does not show; the clock may wrap, see earlier.
const lap = 1 << 40

// weighted is stride scheduling: a member of weight w is due every lap/w ticks, and the one that is due first is
// picked. The members wait in a heap, so a pick costs O(log n); the smooth round robin that nginx uses gives sequences
// of the same quality but adds up all members at each pick.
//
// It holds that every member is due within its own stride from now on, so none can be owed, or owe, more than one pick.
//
// Source: C. A. Waldspurger and W. E. Weihl, "Stride Scheduling: Deterministic Proportional-Share Resource Management",
// MIT/LCS/TM-528, 1995.
type weighted struct {
	blind
	queue  []turn // a binary heap by due
	now    uint64 // when the last pick was due
	random func() uint64
}

// A turn is a member's place in the queue. The time stands here, not in the Member, so that sifting stays in one array.
type turn struct {
	due    uint64
	member *Member
}

// A stride is how far apart a member's turns are: lap/weight ticks. What the division leaves is carried from turn to
// turn, so that weight turns take one lap exactly, for ever.
type stride struct {
	weight  uint64
	carried uint64 // below weight
}

// step is the time to the member's next turn.
func (s *stride) step() uint64 {
	ticks := lap / s.weight
	s.carried += lap % s.weight
	if s.carried >= s.weight {
		s.carried -= s.weight
		ticks++
	}
	return ticks
}

func (w *weighted) pick(r Request) *Member {
	waiting := len(w.queue)
	for waiting > 0 && slices.Contains(r.Tried, w.queue[0].member) {
		waiting--
		w.queue[0], w.queue[waiting] = w.queue[waiting], w.queue[0]
		sink(w.queue[:waiting], 0)
	}
	if waiting == 0 {
		w.rejoin(0, 0)
		return nil
	}
	first := &w.queue[0]
	picked, passed := first.member, first.due-w.now
	w.now = first.due
	first.due += picked.stride.step()
	sink(w.queue[:waiting], 0)
	w.rejoin(waiting, passed)
	return picked
}

// rejoin puts the members that were passed over, which stand behind the heap of the others, back into it. Time stood
// still for them: it had to pass for the others alone, and if it had passed for these too they would be overdue by as
// many turns as their weight allows and come back in a burst.
func (w *weighted) rejoin(waiting int, passed uint64) {
	for ; waiting < len(w.queue); waiting++ {
		w.queue[waiting].due += passed
		rise(w.queue, waiting)
	}
}

// set keeps the turns of the members that stay, drops the others', and gives newcomers a turn within their first
// stride.
func (w *weighted) set(members []*Member) {
	stayed := make([]bool, len(members))
	queue := make([]turn, 0, len(members))
	for _, t := range w.queue {
		if holds(members, t.member) {
			stayed[t.member.place] = true
			queue = append(queue, w.reweighed(t))
		}
	}
	var newcomers []*Member
	for i, m := range members {
		if !stayed[i] {
			newcomers = append(newcomers, m)
		}
	}
	w.queue = append(queue, w.spread(newcomers)...)
	for i := range w.queue {
		rise(w.queue, i)
	}
}

// reweighed adapts a turn to a changed weight: the part of its stride that a member has waited stays the same.
func (w *weighted) reweighed(t turn) turn {
	stood := &t.member.stride
	if weight := t.member.weight(); weight != stood.weight {
		t.due = w.now + (t.due-w.now)*stood.weight/weight
		*stood = stride{weight: weight}
	}
	return t
}

// spread gives newcomers their first turns. Those of equal weight are spread evenly over their stride: if all began at
// the same point of it, the light ones would follow each other and the heavy ones crowd in the rest. All this begins at
// a random point of the lap, so that many workers do not start with the same member, and that one which comes and goes
// all the time gets its share of the time that it is there.
func (w *weighted) spread(newcomers []*Member) []turn {
	start := below(w.random, lap)
	slices.SortStableFunc(newcomers, func(a, b *Member) int { return cmp.Compare(b.weight(), a.weight()) })
	turns := make([]turn, 0, len(newcomers))
	for len(newcomers) > 0 {
		weight := newcomers[0].weight()
		equals := 1
		for equals < len(newcomers) && newcomers[equals].weight() == weight {
			equals++
		}
		for i, m := range newcomers[:equals] {
			m.stride = stride{weight: weight}
			turns = append(turns, turn{due: w.now + offset(i, equals, lap/weight, start), member: m})
		}
		newcomers = newcomers[equals:]
	}
	return turns
}

// offset is the middle of the i-th of equals parts of a stride, seen from start.
func offset(i, equals int, ticks, start uint64) uint64 {
	middle := ticks * uint64(2*i+1) / uint64(2*equals)
	return (middle + ticks - start%ticks) % ticks
}
