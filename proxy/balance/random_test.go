package balance

import (
	"slices"
	"testing"

	"lb/messages"
)

// chiSquare measures how far counts are from the shares that weights give: about their number less one when they agree.
func chiSquare(members []*Member, counts map[*Member]int) float64 {
	total, weights := 0, 0.0
	for _, m := range members {
		total += counts[m]
		weights += float64(m.weight())
	}
	sum := 0.0
	for _, m := range members {
		expected := float64(total) * float64(m.weight()) / weights
		off := float64(counts[m]) - expected
		sum += off * off / expected
	}
	return sum
}

// The limits are the values that chi-square exceeds once in a thousand times, by degrees of freedom.
func TestRandomSharesFollowTheWeights(t *testing.T) {
	for _, c := range []struct {
		weights []int
		limit   float64
	}{
		{[]int{1, 1}, 10.83},
		{[]int{1, 1, 1, 1, 1, 1}, 20.52},
		{[]int{5, 1, 1}, 13.82},
		{[]int{1, 2, 3, 4, 100}, 18.47},
		{slices.Repeat([]int{1, 3}, 500), 1143.92},
	} {
		members := named(c.weights...)
		got := chiSquare(members, count(balancer(messages.Random, 11, members), 100_000))
		if got > c.limit {
			t.Errorf("weights %v: chi-square is %.1f, over %.1f", c.weights[:2], got, c.limit)
		}
	}
}

func TestRandomSharesOfTheOthersFollowTheirWeightsWhenSomeAreTried(t *testing.T) {
	members := named(7, 1000, 2, 3, 500, 1, 6)
	tried := []*Member{members[4], members[0], members[1]}
	left := []*Member{members[2], members[3], members[5], members[6]}
	b := balancer(messages.Random, 5, members)
	counts := map[*Member]int{}
	for range 60_000 {
		counts[b.Pick(Request{Tried: tried})]++
	}
	if len(counts) != len(left) {
		t.Errorf("%d members picked, want %d", len(counts), len(left))
	}
	if got := chiSquare(left, counts); got > 16.27 {
		t.Errorf("chi-square is %.1f", got)
	}
}

// Each number below the total belongs to one member, also at the borders between them.
func TestRandomGivesEachMemberAsManyNumbersAsItsWeight(t *testing.T) {
	members := named(2, 1, 4, 3)
	for _, c := range []struct {
		tried []*Member
		want  string
	}{
		{nil, "AABCCCCDDD"},
		{members[:1], "BCCCCDDD"},
		{[]*Member{members[2], members[1]}, "AADDD"},
		{[]*Member{members[3], members[0], members[2]}, "B"},
		{members[3:], "AABCCCC"},
	} {
		for i, want := range c.want {
			// The smallest bits that below turns into i: i/n of the whole range, rounded up.
			bits := func() uint64 { return uint64(i)*(1<<63/uint64(len(c.want))*2) + uint64(len(c.want))*2 }
			b := New(bits)
			b.Set(messages.Random, members)
			if m := b.Pick(Request{Tried: c.tried}); m.Owner != string(want) {
				t.Errorf("%d tried: number %d is %v's, want %c", len(c.tried), i, m.Owner, want)
			}
		}
	}
}

func TestRandomFollowsAChangedWeightFromTheNextSetOn(t *testing.T) {
	members := named(1, 1)
	b := balancer(messages.Random, 2, members)
	members[0].Weight = 1000
	if n := count(b, 1000)[members[1]]; n < 400 {
		t.Errorf("before Set the second got %d of 1000", n)
	}
	b.Set(messages.Random, members)
	if n := count(b, 1000)[members[1]]; n > 10 {
		t.Errorf("after Set the second got %d of 1000", n)
	}
}
