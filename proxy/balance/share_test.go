package balance

import (
	"math/rand/v2"
	"slices"
	"testing"

	"lb/messages"
)

// A member that starts slowly has its percentage of the draws that fall to it, or of its turns, which come the sooner
// if it lets some pass; give or take five standard deviations.
func TestShareIsThatPartOfTheWhole(t *testing.T) {
	const picks = 60_000
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		members := named(3, 1, 2, 2)
		b := balancer(strategy, 6, members)
		for _, percent := range []int{1, 25, 80} {
			members[2].Share = percent
			b.Set(strategy, members)
			got := float64(count(b, picks)[members[2]])
			want := picks * dueTo(strategy, float64(percent)/100)
			if off := got - want; off*off > 25*want {
				t.Errorf("%d %%: %.0f picks, want about %.0f", percent, got, want)
			}
		}
	})
}

// dueTo the third of members with the weights 3, 1, 2, 2.
func dueTo(strategy messages.Strategy, share float64) float64 {
	switch strategy {
	case messages.RoundRobin:
		return share / (3 + share)
	case messages.Weighted, messages.LeastConn:
		return 2 * share / (6 + 2*share)
	}
	return 2 * share / 8
}

func TestShareIsAllWhenNobodyElseIsThere(t *testing.T) {
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		members := ones(2)
		members[0].Share = 1
		b := balancer(strategy, 6, members)
		for range 500 {
			if m := b.Pick(Request{Key: mix(b.random()), Tried: members[1:]}); m != members[0] {
				t.Fatalf("picked %v", m)
			}
		}
		members[1].Share = 1
		b.Set(strategy, members)
		if counts := count(b, 2000); counts[members[0]] < 500 || counts[members[1]] < 500 {
			t.Errorf("both start slowly: %d and %d of 2000", counts[members[0]], counts[members[1]])
		}
	})
}

// A key that has come to a member stays there while its share grows.
func TestShareUnderHashOnlyGrows(t *testing.T) {
	members := named(1, 1, 1)
	var before []*Member
	b := New(seeded(1))
	for percent := 1; percent <= 100; percent += 9 {
		members[1].Share = percent
		b.Set(messages.Hash, members)
		now := owners(b, 3000)
		for i := range before {
			if before[i] == members[1] && now[i] != members[1] {
				t.Fatalf("at %d %% key %d has gone again", percent, i)
			}
		}
		before = now
	}
}

// What is drawn are members with limits, picks and ends; what is held is that nobody exceeds its limit, that there is a
// pick whenever there is room, and that Room and Busy know it.
func TestMaxIsNeverExceededAndRoomIsAlwaysFound(t *testing.T) {
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		draw := rand.New(rand.NewPCG(8, uint64(strategy)))
		members := ones(40)
		b := New(draw.Uint64)
		var running []*Member
		for step := range 30_000 {
			if step%500 == 0 {
				for _, m := range members {
					m.Max = draw.IntN(4)
				}
				b.Set(strategy, someOf(draw, members, 1+draw.IntN(len(members))))
			}
			if n := len(running); n > 0 && draw.IntN(60) < min(n, 35) {
				at := draw.IntN(n)
				b.End(running[at])
				running = slices.Delete(running, at, at+1)
				continue
			}
			if m := expectRoom(t, b, someOf(draw, members, draw.IntN(3)), draw.Uint64()); m != nil {
				b.Begin(m)
				running = append(running, m)
			}
		}
	})
}

func expectRoom(t *testing.T, b *Balancer, tried []*Member, key uint64) *Member {
	t.Helper()
	room, roomUntried, fullUntried := false, false, false
	for _, m := range b.members {
		full := m.Max > 0 && m.inFlight >= m.Max
		untried := !slices.Contains(tried, m)
		room = room || !full
		roomUntried = roomUntried || !full && untried
		fullUntried = fullUntried || full && untried
	}
	if b.Room() != room || b.Busy(tried) != fullUntried {
		t.Fatalf("Room is %v, want %v; Busy is %v, want %v", b.Room(), room, b.Busy(tried), fullUntried)
	}
	m := b.Pick(Request{Tried: tried, Key: key})
	if (m != nil) != roomUntried {
		t.Fatalf("picked %v, there is room: %v", m, roomUntried)
	}
	if m != nil && (m.Max > 0 && m.inFlight >= m.Max || slices.Contains(tried, m)) {
		t.Fatalf("picked one of %d in flight, at most %d, or one that was tried", m.inFlight, m.Max)
	}
	return m
}

func TestExchangesOfAllStrategiesAllocateNothing(t *testing.T) {
	strategies(t, func(t *testing.T, strategy messages.Strategy) {
		members := crowdOf(30, false)
		for i, m := range members {
			m.Max, m.Share = 1+i%3, 50+i
		}
		b := balancer(strategy, 1, members)
		now, tried := int64(0), make([]*Member, 1)
		allocated := testing.AllocsPerRun(2000, func() {
			now += 1e6
			m := b.Pick(Request{Key: mix(uint64(now)), Now: now})
			b.Begin(m)
			m.Observe(1e6, now)
			tried[0] = m
			other := b.Pick(Request{Key: mix(uint64(now)), Tried: tried, Now: now})
			b.Begin(other)
			b.End(m)
			b.End(other)
		})
		if allocated != 0 {
			t.Errorf("%v allocations", allocated)
		}
	})
}
