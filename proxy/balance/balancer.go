package balance

import (
	"math/bits"
	"math/rand/v2"

	"lb/messages"
)

// MaxWeight is the largest weight that counts; a larger one counts as MaxWeight, one below 1 as 1.
const MaxWeight = 1 << 20

// A Member is one backend as one worker sees it. Its pointer is its identity: keep one Member per backend for as long
// as the worker knows that backend, also while it is not usable. A Member belongs to one Balancer. All fields are for
// the loop's thread only.
type Member struct {
	Weight int // share relative to the other members, 1 to MaxWeight; a change counts from the next Set on
	Owner  any // what the caller finds the backend by; not looked at here

	place int    // index in Balancer.members while it is one of them, see holds
	share stride // where the weighted strategy stands with it
}

// A Balancer picks members by one strategy. It is not safe for concurrent use.
type Balancer struct {
	strategy messages.Strategy
	picker   picker
	members  []*Member
	random   func() uint64
}

// A picker is one strategy at work.
type picker interface {
	// set replaces the members; each one's place is its index in them, and the slice does not change until the next
	// set.
	set(members []*Member)
	// pick names a member that is not in tried, nil when there is none. It is on the hot path: no allocation.
	pick(tried []*Member) *Member
}

// New returns a Balancer without members. random yields uniformly distributed bits; nil means math/rand/v2.
func New(random func() uint64) *Balancer {
	if random == nil {
		random = rand.Uint64
	}
	return &Balancer{random: random}
}

// Set replaces the members by those that are usable now: up and not draining. A nil or repeated entry is ignored, and
// the slice remains the caller's. Under an unchanged strategy, members that stay keep their turn and newcomers join as
// if they had been there all along: neither due at once nor last. An unknown strategy is round robin.
func (b *Balancer) Set(strategy messages.Strategy, members []*Member) {
	if b.picker == nil || b.strategy != strategy {
		b.strategy, b.picker = strategy, newPicker(strategy, b.random)
	}
	b.members = placed(members)
	b.picker.set(b.members)
}

// Pick names the member for the next attempt, nil when there is none. Members in tried are passed over, even if that
// leaves nobody. tried is short, an exchange makes few attempts: the cost grows with its length.
func (b *Balancer) Pick(tried []*Member) *Member {
	if len(b.members) == 0 {
		return nil
	}
	return b.picker.pick(tried)
}

// Len is the number of usable members.
func (b *Balancer) Len() int { return len(b.members) }

func newPicker(strategy messages.Strategy, random func() uint64) picker {
	switch strategy {
	case messages.Weighted:
		return &weighted{random: random}
	case messages.Random:
		return &lottery{random: random}
	default:
		return &roundRobin{random: random}
	}
}

// placed copies members, drops nil and repeated ones, and tells each its place.
func placed(members []*Member) []*Member {
	list := make([]*Member, 0, len(members))
	for _, m := range members {
		if m != nil && !holds(list, m) {
			m.place = len(list)
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

// weight is the weight that counts.
func (m *Member) weight() uint64 { return uint64(min(max(m.Weight, 1), MaxWeight)) }

// below draws a number in [0, limit) by multiplying instead of dividing; for limits up to 2⁴⁰ its bias is under 2⁻²⁴.
// Source: D. Lemire, "Fast Random Integer Generation in an Interval", 2019.
func below(random func() uint64, limit uint64) uint64 {
	high, _ := bits.Mul64(random(), limit)
	return high
}
