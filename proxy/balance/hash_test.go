package balance

import (
	"fmt"
	"slices"
	"testing"

	"lb/messages"
)

// owners are the members of n keys.
func owners(b *Balancer, n int) []*Member {
	list := make([]*Member, n)
	for i := range list {
		list[i] = b.Pick(Request{Key: Sum([]byte(fmt.Sprint("client ", i)))})
	}
	return list
}

// The values are part of the promise: a restart with another version must not move anybody.
func TestHashKeysAreTheSameForEver(t *testing.T) {
	for text, want := range map[string]uint64{
		"": 0xf52a15e9a9b5e89b, "a": 0x02c0bdbf481420f8, "127.0.0.1:9001": 0x1282911294b0f0de,
	} {
		if got := Sum([]byte(text)); got != want {
			t.Errorf("Sum(%q) is %#x, want %#x", text, got, want)
		}
	}
	members := named(1, 1, 2, 1)
	b := balancer(messages.Hash, 1, members)
	letters := ""
	for _, m := range owners(b, 16) {
		letters += m.Owner.(string)
	}
	if want := "CDBCCADCACCABCBB"; letters != want {
		t.Errorf("16 keys belong to %s, want %s", letters, want)
	}
}

func TestHashDependsOnNeitherOrderNorHistory(t *testing.T) {
	for _, n := range []int{3, fewMembers, fewMembers + 1, 100} {
		members := crowdOf(n, false)
		want := owners(balancer(messages.Hash, 1, members), 2000)
		other := New(seeded(9))
		for _, some := range [][]*Member{members[:n/2], nil, members[n/3:], members} {
			other.Set(messages.Hash, some)
			owners(other, 500)
		}
		reversed := slices.Clone(members)
		slices.Reverse(reversed)
		other.Set(messages.Hash, reversed)
		if !slices.Equal(owners(other, 2000), want) {
			t.Errorf("%d members: the keys have moved", n)
		}
	}
}

func TestHashMemberThatLeavesMovesItsOwnKeysOnly(t *testing.T) {
	for _, n := range []int{3, 13, 100} {
		members := crowdOf(n, false)
		b := balancer(messages.Hash, 1, members)
		before := owners(b, 20_000)
		b.Set(messages.Hash, members[1:])
		for i, m := range owners(b, 20_000) {
			if before[i] != members[0] && m != before[i] {
				t.Fatalf("%d members: key %d has moved though its member has stayed", n, i)
			}
		}
		b.Set(messages.Hash, members)
		if !slices.Equal(owners(b, 20_000), before) {
			t.Errorf("%d members: not all keys came back", n)
		}
	}
}

// The limits are what chi-square exceeds once in a thousand times; with many members the slots, being few for each, add
// to what the keys do: (keys / slots + 1) times as much.
func TestHashSharesFollowTheWeights(t *testing.T) {
	const keys = 100_000
	slots := 1 + float64(keys)/(1<<slotBits)
	for _, c := range []struct {
		weights []int
		limit   float64
	}{
		{[]int{1, 1, 1}, 13.82},
		{[]int{5, 1, 1}, 13.82},
		{[]int{1, 2, 3, 4, 100}, 18.47},
		{slices.Repeat([]int{1, 3}, 50), 148.23},
	} {
		members := named(c.weights...)
		b := balancer(messages.Hash, 1, members)
		counts := map[*Member]int{}
		for _, m := range owners(b, keys) {
			counts[m]++
		}
		if got := chiSquare(members, counts) / slots; got > c.limit {
			t.Errorf("weights %v: chi-square is %.1f, over %.1f", c.weights[:2], got, c.limit)
		}
	}
}

// The keys of a member that cannot serve them scatter over the others, and always in the same way.
func TestHashKeysOfATriedMemberScatter(t *testing.T) {
	members := crowdOf(20, true)
	b := balancer(messages.Hash, 1, members)
	heirs := map[*Member]int{}
	for i := range 20_000 {
		r := Request{Key: mix(uint64(i))}
		if first := b.Pick(r); first != members[0] {
			continue
		}
		r.Tried = members[:1]
		heir := b.Pick(r)
		if again := b.Pick(r); again != heir {
			t.Fatalf("key %d goes to %v, then to %v", i, heir.Owner, again.Owner)
		}
		heirs[heir]++
	}
	if got := chiSquare(members[1:], heirs); got > 42.31 {
		t.Errorf("chi-square over the heirs is %.1f", got)
	}
}

// The contest of weighted members with equal weights is the plain one, so that the first weight that is set moves
// nothing but what the weight is due.
func TestHashWeightsMoveNoMoreThanTheyMust(t *testing.T) {
	members := named(1, 1, 1, 1)
	b := balancer(messages.Hash, 1, members)
	before := owners(b, 10_000)
	members[0].Weight = 2
	b.Set(messages.Hash, members)
	for i, m := range owners(b, 10_000) {
		if m != before[i] && m != members[0] {
			t.Fatalf("key %d went to %v, whose weight has not changed", i, m.Owner)
		}
	}
}
