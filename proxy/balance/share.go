package balance

import (
	"slices"

	"lb/messages"
)

// A pick by the strategy may land on a member that does not take it: one that is full, or one that starts slowly and
// has had its part. Then the strategy is asked again, with that one passed over. So it works for each strategy in the
// same way, and costs nothing as long as all members are whole.

// maxPassed bounds how often a strategy is asked again for one pick.
const maxPassed = 8

// suits reports whether the pick of m stands.
func (b *Balancer) suits(m *Member, r Request) bool {
	return !m.Full() && (m.percent == whole || b.keeps(m, r))
}

// keeps draws whether a member that starts slowly keeps a pick. Under the hash strategy the key draws, so that it stays
// where it is: the larger the share, the more keys come, and none goes again.
func (b *Balancer) keeps(m *Member, r Request) bool {
	if b.strategy == messages.Hash {
		return mix(r.Key^m.ID)%whole < uint64(m.percent)
	}
	return below(b.random, whole) < uint64(m.percent)
}

// pickOther goes on after a pick that does not stand. If nobody else takes it, it falls to the first who could.
func (b *Balancer) pickOther(m *Member, r Request) *Member {
	var willing *Member
	b.passed = append(b.passed[:0], r.Tried...)
	for range maxPassed {
		if willing == nil && !m.Full() {
			willing = m
		}
		b.passed = append(b.passed, m)
		r.Tried = b.passed
		if m = b.picker.pick(r); m == nil {
			return willing
		}
		if b.suits(m, r) {
			return m
		}
	}
	if willing != nil {
		return willing
	}
	return b.lightest(r.Tried)
}

// lightest is the least loaded of the members with room that were not passed over; nil when there is none. It looks at
// each member, which happens only when most are full.
func (b *Balancer) lightest(passed []*Member) (found *Member) {
	for _, m := range b.members {
		if !m.Full() && (found == nil || m.lighter(found)) && !slices.Contains(passed, m) {
			found = m
		}
	}
	return found
}
