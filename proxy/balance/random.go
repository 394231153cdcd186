package balance

import "slices"

// lottery draws members at random, each as likely as its weight is heavy. sums[i] is the weight of all members before i;
// the last entry is the total. A draw is a number below the total, found again by binary search.
type lottery struct {
	members []*Member
	sums    []uint64
	random  func() uint64
}

func (l *lottery) set(members []*Member) {
	l.members = members
	l.sums = make([]uint64, 1, len(members)+1)
	for i, m := range members {
		l.sums = append(l.sums, l.sums[i]+m.weight())
	}
}

// pick draws below the weight of the members that were not tried, then steps over the gaps that the tried ones leave. So it
// needs one draw whatever their weight; drawing again until it suits would take long when a heavy one is out.
func (l *lottery) pick(tried []*Member) *Member {
	left := l.sums[len(l.members)]
	for i := l.after(-1, tried); i < len(l.members); i = l.after(i, tried) {
		left -= l.weight(i)
	}
	if left == 0 {
		return nil
	}
	drawn := below(l.random, left)
	for i := l.after(-1, tried); i < len(l.members) && drawn >= l.sums[i]; i = l.after(i, tried) {
		drawn += l.weight(i)
	}
	return l.at(drawn)
}

// at is the member whose part of the total holds that number.
func (l *lottery) at(drawn uint64) *Member {
	i, starts := slices.BinarySearch(l.sums, drawn)
	if !starts {
		i--
	}
	return l.members[i]
}

func (l *lottery) weight(i int) uint64 { return l.sums[i+1] - l.sums[i] }

// after is the lowest place above i of a tried member, or the number of members. Going up from -1 visits each once, in
// order, however they are listed.
func (l *lottery) after(i int, tried []*Member) int {
	lowest := len(l.members)
	for _, m := range tried {
		if m != nil && m.place > i && m.place < lowest && holds(l.members, m) {
			lowest = m.place
		}
	}
	return lowest
}
