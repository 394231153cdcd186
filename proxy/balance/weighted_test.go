package balance

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lb/messages"
)

func TestWeightedSharesAreExact(t *testing.T) {
	for _, weights := range [][]int{{5, 1, 1}, {1}, {1, 1, 1}, {3, 1}, {7, 5, 3, 2}, {100, 1}, {13, 1, 1, 13, 50, 3}} {
		for seed := range uint64(20) {
			members := named(weights...)
			b := balancer(messages.Weighted, seed, members)
			for lap := range 100 {
				for m, n := range count(b, sum(weights)) {
					if n != m.Weight {
						t.Fatalf("weights %v, lap %d: %v got %d", weights, lap, m.Owner, n)
					}
				}
			}
		}
	}
}

func sum(weights []int) (total int) {
	for _, weight := range weights {
		total += weight
	}
	return total
}

func Test511Gives500And100And100Interleaved(t *testing.T) {
	for seed := range uint64(200) {
		members := named(5, 1, 1)
		got := sequence(balancer(messages.Weighted, seed, members), 700)
		for letter, want := range map[string]int{"A": 500, "B": 100, "C": 100} {
			if n := strings.Count(got, letter); n != want {
				t.Fatalf("seed %d: %s got %d of 700, want %d", seed, letter, n, want)
			}
		}
		if strings.Contains(got, "AAAA") || strings.Contains(got, "BC") || strings.Contains(got, "CB") {
			t.Fatalf("seed %d: not interleaved: %s", seed, got[:21])
		}
	}
}

func TestWeightedAmongEqualsIsRoundRobinFromAnyStart(t *testing.T) {
	starts := map[string]bool{}
	for seed := range uint64(64) {
		got := sequence(balancer(messages.Weighted, seed, named(3, 3, 3, 3)), 12)
		if !strings.Contains(strings.Repeat("ABCD", 4), got) {
			t.Fatalf("sequence %s", got)
		}
		starts[got[:1]] = true
	}
	if len(starts) != 4 {
		t.Errorf("64 workers start at %d of 4 members", len(starts))
	}
}

// Without that, weights which do not divide the lap would drift off from those that do.
func TestWeightedTurnsOfAnyWeightTakeOneLapExactly(t *testing.T) {
	for _, weight := range []uint64{1, 3, 7, 1000, MaxWeight - 1, MaxWeight} {
		turns := stride{weight: weight, carried: weight / 2}
		var took uint64
		for range weight {
			took += turns.step()
		}
		if took != lap || turns.carried != weight/2 {
			t.Errorf("weight %d: %d ticks too many, %d carried", weight, int64(took-lap), turns.carried)
		}
	}
}

// A member's picks are never further apart, nor closer, than its weight's share of all allows, give or take the
// neighbours that are due in the same interval.
func TestWeightedPicksAreSpreadOverTheWholeLap(t *testing.T) {
	draw := rand.New(rand.NewPCG(5, 5))
	for range 50 {
		weights := make([]int, 2+draw.IntN(8))
		for i := range weights {
			weights[i] = 1 + draw.IntN(30)
		}
		members := named(weights...)
		b := balancer(messages.Weighted, draw.Uint64(), members)
		total := sum(weights)
		counts := map[*Member]int{}
		for i := range 5 * total {
			counts[b.Pick(Request{})]++
			for _, m := range members {
				fair := float64(i+1) * float64(m.Weight) / float64(total)
				if off := float64(counts[m]) - fair; off > 3 || off < -3 {
					t.Fatalf("weights %v: of %d picks %v has %d, fair is %.1f", weights, i+1, m.Owner, counts[m], fair)
				}
			}
		}
	}
}

func TestWeightedTriedMembersKeepTheirSharesWithoutABurst(t *testing.T) {
	members := named(5, 1, 1)
	b := balancer(messages.Weighted, 1, members)
	for range 200 { // as when many exchanges that had tried A at the same time go on to the others
		if m := b.Pick(Request{Tried: members[:1]}); m == members[0] {
			t.Fatal("picked A again")
		}
	}
	got := sequence(b, 70)
	if strings.Count(got, "A") != 50 || strings.Contains(got, "AAAA") {
		t.Errorf("then A comes in bursts or not in proportion: %s", got)
	}
}

func TestWeightedSharesStayWithinOnePickWhateverWasPassedOver(t *testing.T) {
	draw := rand.New(rand.NewPCG(9, 9))
	weights := []int{5, 1, 1, 3, 12}
	members := named(weights...)
	b := balancer(messages.Weighted, 1, members)
	for round := range 500 {
		for range draw.IntN(40) {
			b.Pick(Request{Tried: someOf(draw, members, draw.IntN(4))})
		}
		counts := count(b, 2*sum(weights))
		for _, m := range members {
			if off := counts[m] - 2*m.Weight; off < -1 || off > 1 {
				t.Fatalf("round %d: %v got %d, want %d", round, m.Owner, counts[m], 2*m.Weight)
			}
		}
	}
}

func TestWeightedPicksAmongTheOthersFollowTheirWeights(t *testing.T) {
	members := named(50, 4, 2, 1)
	b := balancer(messages.Weighted, 1, members)
	counts := map[*Member]int{}
	for range 700 {
		counts[b.Pick(Request{Tried: members[:1]})]++
	}
	for i, want := range []int{0, 400, 200, 100} {
		if counts[members[i]] != want {
			t.Errorf("%v got %d of 700, want %d", members[i].Owner, counts[members[i]], want)
		}
	}
}

func TestWeightedNewcomerJoinsWithoutBurstOrWait(t *testing.T) {
	for _, weight := range []int{1, 5, 40} {
		members := named(5, 1, 1, weight)
		b := balancer(messages.Weighted, 1, members[:3])
		sequence(b, 12_345)
		b.Set(messages.Weighted, members)
		total := 7 + weight
		for lap := range 5 {
			counts := count(b, total)
			if off := counts[members[3]] - weight; off < -1 || off > 1 {
				t.Errorf("weight %d: it got %d in lap %d", weight, counts[members[3]], lap)
			}
		}
	}
}

func TestWeightedStateOfThoseThatStayIsKept(t *testing.T) {
	members := named(5, 1, 1)
	b, undisturbed := balancer(messages.Weighted, 4, members), balancer(messages.Weighted, 4, named(5, 1, 1))
	got, want := "", sequence(undisturbed, 700)
	for i := range 700 {
		got += sequence(b, 1)
		reordered := slices.Clone(members)
		slices.Reverse(reordered[:i%4])
		b.Set(messages.Weighted, reordered)
	}
	if got != want {
		t.Errorf("a Set after each pick changes the sequence:\n%s\n%s", got[:70], want[:70])
	}
}

func TestWeightedSharesFollowAChangedWeight(t *testing.T) {
	members := named(1, 1, 1)
	b := balancer(messages.Weighted, 1, members)
	for _, weight := range []int{9, 2, 100, 1} {
		members[0].Weight = weight
		b.Set(messages.Weighted, members)
		counts := count(b, weight+2)
		if off := counts[members[0]] - weight; off < -1 || off > 1 {
			t.Errorf("weight %d: it got %d of %d", weight, counts[members[0]], weight+2)
		}
	}
}

// Its visits are shorter than the time between its turns, so a fixed waiting time would leave it without any.
func TestWeightedRareMemberThatFlapsGetsItsShareToo(t *testing.T) {
	members := named(99, 1)
	b := New(seeded(3))
	counts := map[*Member]int{}
	for range 10_000 {
		b.Set(messages.Weighted, members)
		for range 20 {
			counts[b.Pick(Request{})]++
		}
		b.Set(messages.Weighted, members[:1])
	}
	if n := counts[members[1]]; n < 1850 || n > 2150 {
		t.Errorf("it got %d of 200000, want about 2000", n)
	}
}

// A backend that goes up and down all the time gets its share of the time that it is up, and the others get theirs.
func TestWeightedFlappingMemberTakesNothingFromTheOthers(t *testing.T) {
	members := named(1, 1, 1)
	b := New(seeded(1))
	counts := map[*Member]int{}
	for range 1000 {
		b.Set(messages.Weighted, members)
		for range 30 {
			counts[b.Pick(Request{})]++
		}
		b.Set(messages.Weighted, members[:2])
		for range 20 {
			counts[b.Pick(Request{})]++
		}
	}
	for i, want := range []int{20_000, 20_000, 10_000} {
		if off := counts[members[i]] - want; off < -500 || off > 500 {
			t.Errorf("%v got %d, want about %d", members[i].Owner, counts[members[i]], want)
		}
	}
}

func TestWeightedClockMayWrap(t *testing.T) {
	members := named(5, 1, 1)
	b := balancer(messages.Weighted, 1, members)
	w := b.picker.(*weighted)
	shift := -w.now - 50*lap // 50 laps before the clock wraps
	w.now += shift
	for i := range w.queue {
		w.queue[i].due += shift
	}
	for range 100 {
		if counts := count(b, 7); counts[members[0]] != 5 || counts[members[1]] != 1 {
			t.Fatalf("5/1/1 gives %d/%d/%d", counts[members[0]], counts[members[1]], counts[members[2]])
		}
	}
	if w.now > 60*lap {
		t.Fatalf("the clock has not wrapped: %d", w.now)
	}
}
