package balance

import "math"

// twoChoices draws two members by weight and picks the one that promises the earlier answer: by what is in flight on it
// for its weight, and by how long its answers took of late. Two draws are enough to keep away from a slow or loaded
// member, and unlike the best of all, the better of two does not have everybody run to the same one.
//
// Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001.
type twoChoices struct {
	lottery
	mean  float64 // weight of a member, with its percent
	tried []*Member
}

const (
	// latencyFloor is added to each latency, in nanoseconds: differences far below it are noise, or distance.
	latencyFloor = 1e6
	// noise is the factor within which two costs count as equal.
	noise = 1.25
	// halfLife of a latency, in nanoseconds: one that is so old counts half. So a member that took 500 ms once is tried
	// again after 20 s, even where nothing else has others picked.
	halfLife = 2e9
	// enoughToKnow is how many latencies of a member tell something. One alone may be that of a cold cache.
	enoughToKnow = 8
)

func (t *twoChoices) set(members []*Member) {
	t.lottery.set(members)
	sum := 0
	for _, m := range members {
		sum += m.scaled
	}
	t.mean = float64(sum) / float64(max(len(members), 1))
}

func (t *twoChoices) pick(r Request) *Member {
	first := t.draw(r.Tried)
	if first == nil {
		return nil
	}
	t.tried = append(append(t.tried[:0], r.Tried...), first)
	if second := t.draw(t.tried); second != nil && t.better(second, first, r.Now) {
		return second
	}
	return first
}

// better reports whether another exchange will take clearly less time on a than on b, by what is known. Idle members of
// different weights are equal, since the draw has heeded the weights; and a member that little is known of yet, to the
// other.
func (t *twoChoices) better(a, b *Member, now int64) bool {
	ofA, ofB := a.latency.at(now), b.latency.at(now)
	switch {
	case a.latency.seen < enoughToKnow:
		ofA = ofB
	case b.latency.seen < enoughToKnow:
		ofB = ofA
	}
	return t.turns(a)*(ofA+latencyFloor)*noise < t.turns(b)*(ofB+latencyFloor)
}

// turns is the number of exchanges on the member, with the next one, as if it were of mean weight.
func (t *twoChoices) turns(m *Member) float64 {
	return float64(m.inFlight)*t.mean/float64(m.scaled) + 1
}

// An average of a member's latencies, in which each counts the less the older it is; of the first ones each counts the
// same. Without new ones it sinks, so that a member that was slow is tried again.
type average struct {
	value float64
	last  int64 // when the last one was observed
	seen  int   // how many were
}

// Observe tells how long the member took to begin its answer, in nanoseconds, and the time now.
func (m *Member) Observe(latency, now int64) {
	a := &m.latency
	a.seen++
	weight := max(1-fading(now-a.last), 1/float64(a.seen))
	a.value += weight * (float64(latency) - a.value)
	a.last = now
}

func (a *average) at(now int64) float64 { return a.value * fading(now-a.last) }

// fading is what a latency of that age counts.
func fading(age int64) float64 { return math.Exp2(-float64(max(age, 0)) / halfLife) }
