package balance

import (
	"fmt"
	"testing"

	"lb/messages"
)

// crowdOf makes members of which some weigh more than others, if they are to.
func crowdOf(n int, even bool) []*Member {
	members := ones(n)
	for i, m := range members {
		if m.ID = Sum([]byte(fmt.Sprint(i))); !even {
			m.Weight = 1 + i%5
		}
	}
	return members
}

// BenchmarkExchange is what a request costs here: a pick, its begin, its latency and its end, with 64 others in flight.
func BenchmarkExchange(b *testing.B) {
	for _, strategy := range every {
		for _, n := range []int{3, 64, 1000} {
			b.Run(fmt.Sprintf("%s/members=%d", strategy, n), func(b *testing.B) {
				b.ReportAllocs()
				balancer := balancer(strategy, 1, crowdOf(n, false))
				for i := range uint64(4096) { // the hash strategy knows the keys by now
					balancer.Pick(Request{Key: mix(i)})
				}
				var running [64]*Member
				for i := range running {
					running[i] = balancer.Pick(anyone())
					balancer.Begin(running[i])
				}
				for i := 0; b.Loop(); i++ {
					slot := &running[i%len(running)]
					balancer.End(*slot)
					now := int64(i+1) * 1000
					*slot = balancer.Pick(Request{Key: mix(uint64(i) % 4096), Now: now})
					balancer.Begin(*slot)
					(*slot).Observe(1e6, now)
				}
			})
		}
	}
}

func BenchmarkPickAfterTwoWereTried(b *testing.B) {
	for _, strategy := range every {
		for _, n := range []int{3, 64, 1000} {
			members := crowdOf(n, false)
			b.Run(fmt.Sprintf("%s/members=%d", strategy, n), func(b *testing.B) {
				b.ReportAllocs()
				balancer := balancer(strategy, 1, members)
				for i := 0; b.Loop(); i++ {
					balancer.Pick(Request{Tried: members[:2], Key: mix(uint64(i))})
				}
			})
		}
	}
}

// BenchmarkHashContest is what the hash strategy costs a request that is the first of its slot.
func BenchmarkHashContest(b *testing.B) {
	for _, n := range []int{3, fewMembers, 64, 1000} {
		for _, even := range []bool{true, false} {
			b.Run(fmt.Sprintf("members=%d/even=%v", n, even), func(b *testing.B) {
				balancer := balancer(messages.Hash, 1, crowdOf(n, even))
				contest := balancer.picker.(*rendezvous).contest
				for i := uint64(0); b.Loop(); i++ {
					contest(i, nil)
				}
			})
		}
	}
}

func BenchmarkSet(b *testing.B) {
	for _, strategy := range every {
		b.Run(strategy.String(), func(b *testing.B) {
			members := crowdOf(1000, false)
			balancer := balancer(strategy, 1, members)
			for i := 0; b.Loop(); i++ {
				members[0].Weight = 1 + i%2
				balancer.Set(strategy, members)
			}
		})
	}
}
