package balance

import (
	"math/rand/v2"
	"strings"
	"testing"

	"lb/messages"
)

func TestRoundRobinTakesTurnsFromAnyStart(t *testing.T) {
	starts := map[string]bool{}
	for seed := range uint64(64) {
		got := sequence(balancer(messages.RoundRobin, seed, ones(4)), 12)
		if !strings.Contains(strings.Repeat("ABCD", 4), got) {
			t.Fatalf("sequence %s", got)
		}
		starts[got[:1]] = true
	}
	if len(starts) != 4 {
		t.Errorf("64 workers start at %d of 4 members", len(starts))
	}
}

func TestRoundRobinIgnoresWeights(t *testing.T) {
	members := named(9, 1, 4)
	for m, n := range count(balancer(messages.RoundRobin, 1, members), 300) {
		if n != 100 {
			t.Errorf("%v got %d of 300", m.Owner, n)
		}
	}
}

func TestRoundRobinWhoIsPassedOverComesNext(t *testing.T) {
	members := ones(4)
	b := balancer(messages.RoundRobin, 1, members)
	for sequence(b, 1) != "D" { // from here on it is A's turn
	}
	if m := b.Pick(Request{Tried: members[:2]}); m != members[2] {
		t.Fatalf("picked %v, want C", m.Owner)
	}
	if got := sequence(b, 8); got != "ABDCABDC" {
		t.Errorf("then %s", got)
	}
}

func TestRoundRobinTurnsStayEqualHoweverManyWerePassedOver(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 3))
	members := ones(5)
	b := balancer(messages.RoundRobin, 1, members)
	for round := range 500 {
		for range draw.IntN(20) {
			b.Pick(Request{Tried: someOf(draw, members, draw.IntN(4))})
		}
		for m, n := range count(b, 10) {
			if n != 2 {
				t.Fatalf("round %d: %v got %d of 10", round, m.Owner, n)
			}
		}
	}
}

func TestRoundRobinGoesOnWhereItWasWhenMembersChange(t *testing.T) {
	members := ones(5)
	a, b, c, d, e := members[0], members[1], members[2], members[3], members[4]
	for _, step := range []struct {
		name    string
		members []*Member
		want    string
	}{
		{"the same", []*Member{a, b, c, d}, "BCDABCDA"},
		{"another order", []*Member{d, c, b, a}, "BADCBADC"},
		{"a newcomer", []*Member{a, b, c, d, e}, "BCDEABCDEA"},
		{"the next one leaves", []*Member{a, c, d}, "CDACDA"},
		{"the next ones leave", []*Member{a, d}, "DADA"},
	} {
		balancer := balancer(messages.RoundRobin, 1, []*Member{a, b, c, d})
		for sequence(balancer, 1) != "A" { // from here on it is B's turn
		}
		balancer.Set(messages.RoundRobin, step.members)
		if got := sequence(balancer, len(step.want)); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
	}
}

// A worker gets a new snapshot at each change of any backend's health; turns must not depend on how often.
func TestRoundRobinStarvesNobodyWhenSetAtEachPick(t *testing.T) {
	members := ones(3)
	b := New(seeded(1))
	counts := map[*Member]int{}
	for range 300 {
		b.Set(messages.RoundRobin, members)
		counts[b.Pick(Request{})]++
	}
	for _, m := range members {
		if counts[m] != 100 {
			t.Errorf("%v got %d of 300", m.Owner, counts[m])
		}
	}
}
