package tests

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
)

// blockBytes is the unit of generated bodies: pseudo-random bytes that start with the block's number, so that a lost,
// repeated or moved byte shows.
const blockBytes = 64 << 10

var noise = func() (b [blockBytes]byte) {
	source := rand.NewChaCha8([32]byte{1})
	source.Read(b[:])
	return b
}()

// pattern generates the first size bytes of an endless body. It compares instead when written to.
type pattern struct {
	block [blockBytes]byte
	at    int64 // position of the next byte
	size  int64
	inUse int64 // number of the block in block, from 1 on
}

func newPattern(size int64) *pattern { return &pattern{size: size} }

// next is what remains of the block at the current position.
func (p *pattern) next() []byte {
	number := p.at/blockBytes + 1
	if p.inUse != number {
		p.inUse, p.block = number, noise
		binary.BigEndian.PutUint64(p.block[:], uint64(number))
	}
	return p.block[p.at%blockBytes:]
}

func (p *pattern) Read(b []byte) (int, error) {
	b = b[:min(int64(len(b)), p.size-p.at)]
	if len(b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.next())
	p.at += int64(n)
	return n, nil
}

func (p *pattern) Write(b []byte) (n int, err error) {
	for n < len(b) {
		want := p.next()
		want = want[:min(len(want), len(b)-n)]
		if !bytes.Equal(b[n:n+len(want)], want) {
			return n, fmt.Errorf("wrong byte between %d and %d", p.at, p.at+int64(len(want)))
		}
		n += len(want)
		p.at += int64(len(want))
	}
	return n, nil
}

// verify reads the body to its end and compares it with the pattern of that size.
func verify(body io.Reader, size int64) error {
	want := newPattern(size)
	n, err := io.CopyBuffer(struct{ io.Writer }{want}, body, make([]byte, 256<<10))
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes, want %d", n, size)
	}
	return err
}
