package transport

// copyBelow is the size in bytes up to which a piece is copied behind the others: cheaper than one more part of a writev.
const copyBelow = 2 << 10

// maxParts of one Gather: what comes behind them is copied.
const maxParts = 64

// Gather collects what one turn wants to send on one connection, in order, so that it leaves in one system call. Small
// pieces are copied, large ones only referred to: they must stay as they are until Send. The zero value is empty.
type Gather struct {
	// Buf is where small pieces go: append to it.
	Buf []byte

	parts [][]byte
	open  int // start, in Buf, of what is behind the last part
	size  int
}

// Add adds a piece, by copy or by reference.
func (g *Gather) Add(b []byte) {
	if len(b) < copyBelow || len(g.parts) >= maxParts-2 {
		g.Buf = append(g.Buf, b...)
		return
	}
	g.seal()
	g.parts = append(g.parts, b)
	g.size += len(b)
}

// Empty reports whether there is nothing to send.
func (g *Gather) Empty() bool { return len(g.Buf) == 0 && len(g.parts) == 0 }

// Size is the number of bytes to send.
func (g *Gather) Size() int { return g.size + len(g.Buf) - g.open }

// Reset drops everything.
func (g *Gather) Reset() {
	clear(g.parts)
	g.Buf, g.parts, g.open, g.size = g.Buf[:0], g.parts[:0], 0, 0
}

// take returns all parts. Growing Buf moves it, but parts that were sealed earlier keep the old memory and its bytes.
func (g *Gather) take() [][]byte {
	g.seal()
	return g.parts
}

func (g *Gather) seal() {
	if g.open < len(g.Buf) {
		g.parts = append(g.parts, g.Buf[g.open:])
		g.size += len(g.Buf) - g.open
		g.open = len(g.Buf)
	}
}
