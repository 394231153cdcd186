//go:build sim

package sim

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// dice are one stream of chance. Whoever acts has its own, so that what one does changes nothing for the others.
type dice struct{ *rand.Rand }

// newDice of a seed, for the owner of a number.
func newDice(seed uint64, number int) dice { return dice{rand.New(rand.NewPCG(seed, uint64(number)))} }

// chance is true in so many of a hundred cases.
func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

// between draws from low to high, both included.
func (d dice) between(low, high int) int { return low + d.IntN(high-low+1) }

// span draws a time.
func (d dice) span(low, high time.Duration) time.Duration {
	return low + time.Duration(d.Int64N(int64(high-low)+1))
}

// size draws from 0 to most, small ones as often as large ones.
func (d dice) size(most int) int {
	limit := 1 << d.between(0, bits.Len(uint(most)))
	return d.IntN(min(limit, most) + 1)
}

// one of several.
func one[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }

// weighted draws an index, each as often as its weight says.
func (d dice) weighted(weights ...int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := d.IntN(sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	panic("unreachable")
}
