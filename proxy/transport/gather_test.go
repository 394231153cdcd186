package transport

import (
	"bytes"
	"fmt"
	"testing"
)

// Pieces leave in the order in which they came, whether they were copied or referred to, however often Buf grew meanwhile.
func TestGatherKeepsOrder(t *testing.T) {
	for _, sizes := range [][]int{
		{0},
		{1},
		{copyBelow},
		{1, copyBelow, 1},
		{copyBelow, copyBelow, 1, 1, copyBelow},
		repeated(3*maxParts, copyBelow),
		repeated(500, copyBelow-1), append(repeated(2*maxParts, copyBelow, 7), 100_000, 3),
	} {
		g := Gather{}
		var want []byte
		for i, size := range sizes {
			piece := bytes.Repeat([]byte{byte('a' + i%26)}, size)
			g.Add(piece)
			g.Buf = append(g.Buf, '|')
			want = append(append(want, piece...), '|')
		}
		name := fmt.Sprintf("%d pieces from %d bytes", len(sizes), sizes[0])
		if g.Size() != len(want) || g.Empty() {
			t.Errorf("%s: size %d, empty %v, want %d", name, g.Size(), g.Empty(), len(want))
		}
		parts := g.take()
		if len(parts) > maxParts {
			t.Errorf("%s: %d parts, more than one system call takes", name, len(parts))
		}
		if got := bytes.Join(parts, nil); !bytes.Equal(got, want) || g.Size() != len(want) {
			t.Errorf("%s: %d bytes in another order", name, len(got))
		}
		if g.Reset(); !g.Empty() || g.Size() != 0 || len(g.take()) != 0 {
			t.Errorf("%s: something is left after Reset", name)
		}
	}
}

// repeated is n rounds of the sizes.
func repeated(n int, sizes ...int) (all []int) {
	for range n {
		all = append(all, sizes...)
	}
	return all
}
