package balance

import "slices"

// MaxWeight is the largest weight that counts; a larger one counts as MaxWeight, one below 1 as 1.
const MaxWeight = 1 << 20

// whole is the Share of a member that gets all that is due to it, in percent.
const whole = 100

// A Member is one backend as one worker sees it. Its pointer is its identity: keep one Member per backend for as long
// as the worker knows that backend, also while it is not usable. A Member belongs to one Balancer. All fields are for
// the loop's thread only; a change counts from the next Set on.
type Member struct {
	ID     uint64 // names the backend under hash: the Sum of what is the same in all workers and after a restart
	Weight int    // share relative to the other members, 1 to MaxWeight
	Share  int    // percent of what is due to it that it gets, 1 to 100; 0 is 100
	Max    int    // exchanges at a time; 0: no limit
	Owner  any    // what the caller finds the backend by; not looked at here

	place    int // index in Balancer.members while it is one of them, see holds
	inFlight int
	limit    int // Max as of the last Set
	percent  int // Share as of the last Set
	scaled   int // weight times percent, as of the last Set

	stride  stride  // where the weighted strategy stands with it
	at      int     // index in the heap of least_conn
	due     uint64  // its turn among those that are loaded alike
	latency average // for p2c
}

// InFlight is how many exchanges run on the member.
func (m *Member) InFlight() int { return m.inFlight }

// Full reports whether the member has as many exchanges as it may.
func (m *Member) Full() bool { return m.limit > 0 && m.inFlight >= m.limit }

// weight is the weight that counts.
func (m *Member) weight() uint64 { return uint64(min(max(m.Weight, 1), MaxWeight)) }

// settle takes over what counts from a Set on.
func (m *Member) settle(place int) {
	m.place, m.limit, m.percent = place, max(m.Max, 0), whole
	if m.Share > 0 {
		m.percent = min(m.Share, whole)
	}
	m.scaled = int(m.weight()) * m.percent
}

// lighter reports whether m has fewer exchanges in flight for its weight than other.
func (m *Member) lighter(other *Member) bool {
	return m.inFlight*other.scaled < other.inFlight*m.scaled
}

// placed copies members, drops nil and repeated ones, and tells each its place.
func placed(members []*Member) []*Member {
	list := make([]*Member, 0, len(members))
	for _, m := range members {
		if m != nil && !holds(list, m) {
			m.settle(len(list))
			list = append(list, m)
		}
	}
	return list
}

// holds tells in constant time whether m is one of members. The place of a member that has left is stale, hence the
// look.
func holds(members []*Member, m *Member) bool {
	return m.place < len(members) && members[m.place] == m
}

// after is the lowest place above i of a tried member, or the number of members. Going up from -1 visits each once, in
// order, however they are listed.
func after(members []*Member, i int, tried []*Member) int {
	lowest := len(members)
	for _, m := range tried {
		if m != nil && m.place > i && m.place < lowest && holds(members, m) {
			lowest = m.place
		}
	}
	return lowest
}

// again reports whether the i-th of a list is nil or stands in it before.
func again(list []*Member, i int) bool { return list[i] == nil || slices.Contains(list[:i], list[i]) }
