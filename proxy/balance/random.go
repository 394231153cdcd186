package balance

// lottery draws members at random, each as likely as its weight is heavy. A draw is a number below the total of the
// weights; each member owns as many consecutive numbers as it weighs. Who owns a number is looked up in a guide table,
// which leaves about one comparison, however many members there are.
//
// Source: H.-C. Chen and Y. Asau, "On Generating Random Variates from an Empirical Distribution", AIIE Transactions 6,
// 1974.
type lottery struct {
	blind
	members []*Member
	sums    []uint64 // the weight of all members before i; the last entry is the total
	guide   []int    // the owner of the number where part i of len(members) equal parts begins, then the last owner
	random  func() uint64
}

func (l *lottery) set(members []*Member) {
	l.members = members
	l.sums = make([]uint64, 1, len(members)+1)
	for i, m := range members {
		l.sums = append(l.sums, l.sums[i]+m.weight())
	}
	l.guide = make([]int, 0, len(members)+1)
	for owner := range members {
		for len(l.guide) < len(members) && l.first(len(l.guide)) < l.sums[owner+1] {
			l.guide = append(l.guide, owner)
		}
	}
	l.guide = append(l.guide, len(members)-1)
}

// first is where a part begins, rounded down: no number of the part before it lies above.
func (l *lottery) first(part int) uint64 { return uint64(part) * l.total() / uint64(len(l.members)) }

func (l *lottery) part(number uint64) uint64 { return number * uint64(len(l.members)) / l.total() }

func (l *lottery) total() uint64 { return l.sums[len(l.members)] }

func (l *lottery) pick(r Request) *Member { return l.draw(r.Tried) }

// draw draws below the weight of the members that were not tried, then steps over the gaps that the tried ones leave.
// So it needs one draw whatever their weight; drawing again until it suits would take long when a heavy one is out.
func (l *lottery) draw(tried []*Member) *Member {
	left := l.total()
	for i := after(l.members, -1, tried); i < len(l.members); i = after(l.members, i, tried) {
		left -= l.weight(i)
	}
	if left == 0 {
		return nil
	}
	drawn := below(l.random, left)
	for i := after(l.members, -1, tried); i < len(l.members) && drawn >= l.sums[i]; i = after(l.members, i, tried) {
		drawn += l.weight(i)
	}
	return l.at(drawn)
}

// at is the owner of a number, which lies between the owners of the beginnings of its part and of the next.
func (l *lottery) at(number uint64) *Member {
	part := l.part(number)
	low, high := l.guide[part], l.guide[part+1]
	for low < high {
		middle := (low + high + 1) / 2
		if l.sums[middle] <= number {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return l.members[low]
}

func (l *lottery) weight(i int) uint64 { return l.sums[i+1] - l.sums[i] }
