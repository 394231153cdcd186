package balance

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lb/messages"
)

// The model is the definition itself: nobody that was not tried has fewer in flight for its weight than who is picked.
func TestLeastConnPicksNobodyWhileAnotherHasLessForItsWeight(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 9))
	for range 40 {
		members := named(slices.Repeat([]int{1}, 2+draw.IntN(30))...)
		for _, m := range members {
			m.Weight = 1 + draw.IntN(6)
		}
		b := balancer(messages.LeastConn, draw.Uint64(), members)
		var running []*Member
		for step := range 2000 {
			if len(running) > 0 && draw.IntN(100) < 45 {
				at := draw.IntN(len(running))
				b.End(running[at])
				running = slices.Delete(running, at, at+1)
				continue
			}
			tried := someOf(draw, members, draw.IntN(2))
			m := b.Pick(Request{Tried: tried})
			for _, other := range members {
				if !slices.Contains(tried, other) && other.inFlight*m.Weight < m.inFlight*other.Weight {
					t.Fatalf("step %d: picked %d in flight of weight %d, while another has %d of %d",
						step, m.inFlight, m.Weight, other.inFlight, other.Weight)
				}
			}
			b.Begin(m)
			running = append(running, m)
		}
	}
}

func TestLeastConnWithoutLoadGoesByWeightedTurns(t *testing.T) {
	for seed := range uint64(50) {
		got := sequence(balancer(messages.LeastConn, seed, named(5, 1, 1)), 700)
		for letter, want := range map[string]int{"A": 500, "B": 100, "C": 100} {
			if n := strings.Count(got, letter); n < want-1 || n > want+1 {
				t.Fatalf("seed %d: %s got %d of 700, want %d", seed, letter, n, want)
			}
		}
	}
}

func TestLeastConnFillsByWeight(t *testing.T) {
	members := named(5, 1, 2)
	b := balancer(messages.LeastConn, 1, members)
	for range 80 {
		b.Begin(b.Pick(Request{}))
	}
	for i, want := range []int{50, 10, 20} {
		if got := members[i].InFlight(); got != want {
			t.Errorf("%v has %d in flight, want %d", members[i].Owner, got, want)
		}
	}
}

func TestLeastConnTurnsThatWereMissedUnderLoadAreGone(t *testing.T) {
	members := ones(2)
	b := balancer(messages.LeastConn, 1, members)
	b.Begin(members[0])
	for range 1000 {
		if m := b.Pick(Request{}); m != members[1] {
			t.Fatalf("picked %v", m.Owner)
		}
	}
	b.End(members[0])
	if got := sequence(b, 20); strings.Contains(got, "AAA") {
		t.Errorf("then it comes in a burst: %s", got)
	}
}

func TestLeastConnKeepsWhatIsInFlightWhenMembersChange(t *testing.T) {
	members := ones(3)
	b := balancer(messages.LeastConn, 1, members)
	for range 2 {
		b.Begin(members[0])
		b.Begin(members[1])
	}
	b.Set(messages.LeastConn, members[:2])
	b.End(members[0])
	if m := b.Pick(Request{}); m != members[0] {
		t.Errorf("picked %v, want A", m.Owner)
	}
	b.Begin(members[2]) // as a sticky client does, or one whose exchange runs on
	b.Begin(members[2])
	b.Begin(members[2])
	b.Set(messages.LeastConn, members)
	if m := b.Pick(Request{Tried: members[:1]}); m != members[1] {
		t.Errorf("picked %v, want B", m.Owner)
	}
}
