package balance

// twoChoices draws two members by weight and picks the one that promises the earlier answer: by what is in flight on it for
// its weight, and by how long its answers took of late. Two draws are enough to keep away from a slow or loaded member, and
// unlike the best of all, the better of two does not have everybody run to the same one.
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
	// memory is how long a latency counts, in nanoseconds: one that is so old counts half.
	memory = 5e9
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
	second := t.draw(t.tried)
	if second != nil && t.cost(second, r.Now)*noise < t.cost(first, r.Now) {
		return second
	}
	return first
}

// cost is the time that another exchange on the member will take, by what is known. Idle members of different weights cost
// the same, since the draw has heeded the weights.
func (t *twoChoices) cost(m *Member, now int64) float64 {
	queue := float64(m.inFlight)*t.mean/float64(m.scaled) + 1
	return queue * (m.latency.at(now) + latencyFloor)
}

// An average of a member's latencies, in which each counts the less the older it is. Without new ones it sinks, so that a
// member that was slow is tried again.
type average struct {
	value float64
	last  int64 // when the last one was observed
}

// Observe tells how long the member took to begin its answer, in nanoseconds, and the time now.
func (m *Member) Observe(latency, now int64) {
	a := &m.latency
	if a.last == 0 {
		*a = average{float64(latency), now}
		return
	}
	old := fading(now - a.last)
	*a = average{old*a.value + (1-old)*float64(latency), now}
}

func (a *average) at(now int64) float64 { return a.value * fading(now-a.last) }

// fading is what a latency of that age counts.
func fading(age int64) float64 { return memory / (memory + float64(max(age, 0))) }
