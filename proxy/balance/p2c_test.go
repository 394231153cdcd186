package balance

import (
	"testing"

	"lb/messages"
)

func TestP2CAmongEqualsFollowsTheWeights(t *testing.T) {
	for _, c := range []struct {
		weights []int
		limit   float64
	}{{[]int{1, 1, 1}, 13.82}, {[]int{5, 1, 1}, 13.82}, {[]int{9, 1}, 10.83}} {
		members := named(c.weights...)
		for _, m := range members {
			m.Observe(2e6, 1)
		}
		if got := chiSquare(members, count(balancer(messages.P2C, 4, members), 50_000)); got > c.limit {
			t.Errorf("weights %v: chi-square is %.1f, over %.1f", c.weights, got, c.limit)
		}
	}
}

// One of four is slow: it is picked only when it is drawn twice, which it is not, for the second draw is another.
func TestP2CKeepsAwayFromASlowMember(t *testing.T) {
	members := ones(4)
	b := balancer(messages.P2C, 4, members)
	for i, latency := range []int64{2e6, 2e6, 2e6, 50e6} {
		members[i].Observe(latency, 1)
	}
	counts := count(b, 30_000)
	if counts[members[3]] != 0 {
		t.Errorf("the slow one got %d", counts[members[3]])
	}
	if got := chiSquare(members[:3], counts); got > 13.82 {
		t.Errorf("chi-square of the others is %.1f", got)
	}
}

func TestP2CKeepsAwayFromALoadedMember(t *testing.T) {
	members := ones(3)
	b := balancer(messages.P2C, 4, members)
	for range 10 {
		b.Begin(members[0])
	}
	if counts := count(b, 3000); counts[members[0]] != 0 {
		t.Errorf("the loaded one got %d", counts[members[0]])
	}
}

// Each of two members gets what is in flight for its weight.
func TestP2CFillsByWeight(t *testing.T) {
	members := named(3, 1)
	b := balancer(messages.P2C, 4, members)
	for range 400 {
		b.Begin(b.Pick(Request{}))
	}
	if got := members[0].InFlight(); got < 285 || got > 315 {
		t.Errorf("the heavy one has %d of 400 in flight, want about 300", got)
	}
}

func TestP2CDifferencesOfLessThanAQuarterAreNoise(t *testing.T) {
	members := ones(2)
	b := balancer(messages.P2C, 4, members)
	members[0].Observe(20e6, 1)
	members[1].Observe(24e6, 1)
	if got := chiSquare(members, count(b, 10_000)); got > 10.83 {
		t.Errorf("chi-square is %.1f", got)
	}
}

func TestLatencyFollowsTheLatestAndFades(t *testing.T) {
	var m Member
	m.Observe(100e6, 1)
	for now := int64(1); now < 20e9; now += 1e8 {
		m.Observe(10e6, now)
	}
	if got := m.latency.at(20e9) / 1e6; got < 9 || got > 14 {
		t.Errorf("20 s after it fell from 100 ms to 10, it counts as %.1f ms", got)
	}
	m = Member{}
	m.Observe(100e6, 1)
	if got := m.latency.at(1+memory) / 1e6; got != 50 {
		t.Errorf("after the time of its memory it counts as %.1f ms, want half", got)
	}
}
