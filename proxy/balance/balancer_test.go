package balance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"lb/messages"
)

// named makes one member per weight; its Owner is its letter.
func named(weights ...int) []*Member {
	members := make([]*Member, len(weights))
	for i, weight := range weights {
		letter := string(rune('A' + i))
		members[i] = &Member{ID: Sum([]byte(letter)), Weight: weight, Owner: letter}
	}
	return members
}

func ones(n int) []*Member { return named(slices.Repeat([]int{1}, n)...) }

func seeded(seed uint64) func() uint64 { return rand.New(rand.NewPCG(seed, 1)).Uint64 }

func balancer(strategy messages.Strategy, seed uint64, members []*Member) *Balancer {
	b := New(seeded(seed))
	b.Set(strategy, members)
	return b
}

// sequence is the letters of the next n picks.
func sequence(b *Balancer, n int) string {
	letters := ""
	for range n {
		letters += b.Pick(Request{}).Owner.(string)
	}
	return letters
}

func count(b *Balancer, n int) map[*Member]int {
	counts := map[*Member]int{}
	for range n {
		counts[b.Pick(anyone())]++
	}
	return counts
}

var every = []messages.Strategy{
	messages.RoundRobin, messages.Weighted, messages.Random, messages.LeastConn, messages.P2C, messages.Hash,
}

// anyone is a request with a key that no other one has.
func anyone() Request {
	keys++
	return Request{Key: mix(keys)}
}

var keys uint64

func strategies(t *testing.T, f func(t *testing.T, strategy messages.Strategy)) {
	t.Helper()
	for _, strategy := range every {
		t.Run(strategy.String(), func(t *testing.T) { f(t, strategy) })
	}
}

func TestWithoutMembersThereIsNoPick(t *testing.T) {
	if m := New(nil).Pick(Request{}); m != nil {
		t.Errorf("a new balancer picks %v", m.Owner)
	}
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		members := ones(2)
		b := balancer(strategy, 1, members)
		b.Set(strategy, nil)
		if m := b.Pick(Request{}); m != nil || b.Len() != 0 {
			t.Errorf("%d members, pick is %v", b.Len(), m)
		}
		b.Set(strategy, members)
		if m := b.Pick(Request{}); !slices.Contains(members, m) || b.Len() != 2 {
			t.Errorf("back again: %d members, pick is %v", b.Len(), m)
		}
	})
}

func TestNilAndRepeatedMembersAreIgnored(t *testing.T) {
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		members := ones(3)
		b := balancer(strategy, 1, []*Member{members[0], nil, members[1], members[0], members[2], members[2]})
		if b.Len() != 3 {
			t.Errorf("%d members", b.Len())
		}
		if m := b.Pick(Request{Tried: members}); m != nil {
			t.Errorf("picked %v although all are tried", m.Owner)
		}
		if counts := count(b, 3000); len(counts) != 3 || counts[members[0]] > 1200 {
			t.Errorf("counts of three equals: %v", counts)
		}
	})
}

func TestSetKeepsTheCallersSlice(t *testing.T) {
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		members := named(1, 5, 2)
		given := slices.Clone(members)
		b := balancer(strategy, 1, given)
		for range 100 {
			b.Pick(Request{Tried: given[:1]})
		}
		if !slices.Equal(given, members) {
			t.Error("the order of the caller's slice has changed")
		}
		clear(given)
		if m := b.Pick(Request{}); m == nil {
			t.Error("the balancer depends on the caller's slice")
		}
	})
}

// The members, the tried ones and the moments of change are drawn; what is held is the contract of Pick and Set alone.
func TestPickNamesAUsableMemberThatWasNotTriedWheneverThereIsOne(t *testing.T) {
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		draw := rand.New(rand.NewPCG(7, uint64(strategy)))
		all := ones(12)
		b := New(draw.Uint64)
		var usable []*Member
		for step := range 20_000 {
			if step%10 == 0 {
				usable = someOf(draw, all, draw.IntN(len(all)+1))
				for _, m := range usable {
					m.Weight = 1 + draw.IntN(9)
				}
				b.Set(strategy, usable)
			}
			tried := someOf(draw, all, draw.IntN(4))
			left := slices.ContainsFunc(usable, func(m *Member) bool { return !slices.Contains(tried, m) })
			switch m := b.Pick(Request{Tried: tried}); {
			case m == nil && left:
				t.Fatalf("step %d: no pick among %d usable, %d tried", step, len(usable), len(tried))
			case m != nil && !slices.Contains(usable, m):
				t.Fatalf("step %d: picked %v, which is not usable", step, m.Owner)
			case m != nil && slices.Contains(tried, m):
				t.Fatalf("step %d: picked %v again", step, m.Owner)
			}
		}
	})
}

func someOf(draw *rand.Rand, all []*Member, n int) []*Member {
	some := make([]*Member, n)
	for i, at := range draw.Perm(len(all))[:n] {
		some[i] = all[at]
	}
	return some
}

func TestTriedMayHoldRepeatedUnknownAndNilMembers(t *testing.T) {
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		members := named(3, 1)
		b := balancer(strategy, 3, members)
		for range 50 {
			if m := b.Pick(Request{Tried: []*Member{members[0], nil, members[0], {Weight: 9}}}); m != members[1] {
				t.Fatalf("picked %v", m)
			}
		}
	})
}

func TestWeightsOutOfRangeCountAsTheNearestInRange(t *testing.T) {
	members := named(-5, 0, 1, MaxWeight, math.MaxInt)
	for i, want := range []uint64{1, 1, 1, MaxWeight, MaxWeight} {
		if got := members[i].weight(); got != want {
			t.Errorf("weight %d counts as %d, want %d", members[i].Weight, got, want)
		}
	}
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		if m := balancer(strategy, 1, members).Pick(Request{}); m == nil {
			t.Error("no pick")
		}
	})
}

func TestAChangeOfStrategyStartsAfresh(t *testing.T) {
	members := named(5, 1, 1)
	b := balancer(messages.RoundRobin, 1, members)
	sequence(b, 10)
	b.Set(messages.Weighted, members)
	if counts := count(b, 700); counts[members[0]] != 500 {
		t.Errorf("weighted gives %d of 700", counts[members[0]])
	}
	b.Set(messages.RoundRobin, members)
	if counts := count(b, 300); counts[members[0]] != 100 {
		t.Errorf("round robin gives %d of 300", counts[members[0]])
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		members := named(5, 1, 1, 2, 7)
		b := balancer(strategy, 1, members)
		tried := make([]*Member, 0, 3)
		allocated := testing.AllocsPerRun(1000, func() {
			tried = append(tried[:0], b.Pick(Request{}))
			tried = append(tried, b.Pick(Request{Tried: tried}))
			tried = append(tried, b.Pick(Request{Tried: tried}))
			b.Pick(Request{Tried: tried})
		})
		if allocated != 0 {
			t.Errorf("%v allocations", allocated)
		}
	})
}
