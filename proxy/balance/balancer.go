package balance

import (
	"math/bits"
	"math/rand/v2"
	"slices"

	"lb/messages"
)

// A Balancer picks members by one strategy. It is not safe for concurrent use.
type Balancer struct {
	strategy messages.Strategy
	picker   picker
	members  []*Member
	full     int // members that have as many exchanges as they may
	random   func() uint64
	passed   []*Member // scratch of pickOther
}

// A Request is what Pick goes by.
type Request struct {
	// Tried members are passed over, even if that leaves nobody. It is short, an exchange makes few attempts: the cost of
	// a pick grows with its length.
	Tried []*Member
	// Key decides under the hash strategy: a Sum.
	Key uint64
	// Now is the time in nanoseconds, of the clock that Observe is told. Only p2c looks at it.
	Now int64
}

// A picker is one strategy at work.
type picker interface {
	// set replaces the members; each one's place is its index in them, and the slice does not change until the next
	// set.
	set(members []*Member)
	// pick names a member that was not tried, nil when there is none. It is on the hot path: no allocation.
	pick(r Request) *Member
	// moved tells that the number of exchanges in flight on a member has changed.
	moved(m *Member)
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
	b.full = 0
	for _, m := range b.members {
		if m.Full() {
			b.full++
		}
	}
	b.picker.set(b.members)
}

// Pick names the member for the next attempt, nil when there is none: each one was tried or is Full.
func (b *Balancer) Pick(r Request) *Member {
	if b.full == len(b.members) {
		return nil
	}
	m := b.picker.pick(r)
	if m == nil || b.suits(m, r) {
		return m
	}
	return b.pickOther(m, r)
}

// Begin counts an exchange that begins on a member, usable or not; End one that is over. Each costs what a pick does.
func (b *Balancer) Begin(m *Member) { b.count(m, 1, 0) }

// End is the counterpart of Begin.
func (b *Balancer) End(m *Member) { b.count(m, -1, -1) }

// count adds one to a member's exchanges or takes it off; it is full, or ceases to be, at the limit plus crossing.
func (b *Balancer) count(m *Member, step, crossing int) {
	m.inFlight += step
	if !holds(b.members, m) {
		return
	}
	if m.limit > 0 && m.inFlight == m.limit+crossing {
		b.full += step
	}
	b.picker.moved(m)
}

// Len is the number of usable members.
func (b *Balancer) Len() int { return len(b.members) }

// Usable reports whether m is one of the members, Full or not.
func (b *Balancer) Usable(m *Member) bool { return holds(b.members, m) }

// Room reports whether a member is not Full.
func (b *Balancer) Room() bool { return b.full < len(b.members) }

// Busy reports whether there are members that only their Max keeps from being picked: it is worth while to wait.
func (b *Balancer) Busy(tried []*Member) bool {
	full := b.full
	for i, m := range tried {
		if full > 0 && !again(tried, i) && holds(b.members, m) && m.Full() {
			full--
		}
	}
	return full > 0
}

// Others reports whether there are members besides those that were tried, Full or not.
func (b *Balancer) Others(tried []*Member) bool {
	for _, m := range b.members {
		if !slices.Contains(tried, m) {
			return true
		}
	}
	return false
}

func newPicker(strategy messages.Strategy, random func() uint64) picker {
	switch strategy {
	case messages.Weighted:
		return &weighted{random: random}
	case messages.Random:
		return &lottery{random: random}
	case messages.LeastConn:
		return &leastConn{random: random}
	case messages.P2C:
		return &twoChoices{lottery: lottery{random: random}}
	case messages.Hash:
		return &rendezvous{}
	case messages.RoundRobin:
	}
	return &roundRobin{random: random}
}

// blind is embedded by strategies that do not look at what is in flight.
type blind struct{}

func (blind) moved(*Member) {}

// below draws a number in [0, limit) by multiplying instead of dividing; for limits up to 2⁴⁰ its bias is under 2⁻²⁴.
// Source: D. Lemire, "Fast Random Integer Generation in an Interval", 2019.
func below(random func() uint64, limit uint64) uint64 {
	high, _ := bits.Mul64(random(), limit)
	return high
}
