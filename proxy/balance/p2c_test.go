package balance

import (
	"testing"

	"lb/messages"
)

// observe has the member known to take so long.
func (m *Member) observe(latency int64) {
	for range enoughToKnow {
		m.Observe(latency, 1)
	}
}

func TestP2CAmongEqualsFollowsTheWeights(t *testing.T) {
	for _, c := range []struct {
		weights []int
		limit   float64
	}{{[]int{1, 1, 1}, 13.82}, {[]int{5, 1, 1}, 13.82}, {[]int{9, 1}, 10.83}} {
		members := named(c.weights...)
		for _, m := range members {
			m.observe(2e6)
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
		members[i].observe(latency)
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
	members[0].observe(20e6)
	members[1].observe(24e6)
	if got := chiSquare(members, count(b, 10_000)); got > 10.83 {
		t.Errorf("chi-square is %.1f", got)
	}
}

func TestP2CDoesNotJudgeByAFewLatencies(t *testing.T) {
	members := ones(2)
	b := balancer(messages.P2C, 4, members)
	for range enoughToKnow - 1 {
		members[0].Observe(500e6, 1)
	}
	members[1].observe(1e6)
	if got := chiSquare(members, count(b, 10_000)); got > 10.83 {
		t.Errorf("chi-square is %.1f", got)
	}
	members[0].Observe(500e6, 1)
	if counts := count(b, 1000); counts[members[0]] != 0 {
		t.Errorf("when it is known to be slow it gets %d", counts[members[0]])
	}
}

func TestLatencyFollowsTheLatestAndFades(t *testing.T) {
	var m Member
	m.Observe(100e6, 1)
	for now := int64(1); now < 10e9; now += 1e8 {
		m.Observe(10e6, now)
	}
	if got := m.latency.at(10e9) / 1e6; got < 9 || got > 14 {
		t.Errorf("10 s after it fell from 100 ms to 10, it counts as %.1f ms", got)
	}
	m = Member{}
	m.Observe(100e6, 1)
	if got := m.latency.at(1+halfLife) / 1e6; got != 50 {
		t.Errorf("after its half-life it counts as %.1f ms, want half", got)
	}
}

func TestP2CTriesASlowMemberAgain(t *testing.T) {
	members := ones(2)
	b := balancer(messages.P2C, 4, members)
	members[0].observe(500e6)
	members[1].observe(1e6)
	second := int64(1e9)
	for now := int64(1); now < 15*second; now += second / 100 {
		members[1].Observe(1e6, now)
		if m := b.Pick(Request{Now: now}); m != members[1] {
			t.Fatalf("after %d ms the slow one was picked", now/1e6)
		}
	}
	tried := false
	for now := 20 * second; now < 21*second; now += second / 100 {
		tried = tried || b.Pick(Request{Now: now}) == members[0]
	}
	if !tried {
		t.Error("after 20 s it was not tried again")
	}
}
