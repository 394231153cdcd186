//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
)

// sea is what all bodies are taken from: a body is named by where in it it begins, so that one of another request, or one
// that lost or repeated a byte, is seen.
var sea = func() []byte {
	b := make([]byte, 4<<20)
	rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}()

// piece is a body.
type piece struct{ at, size int }

func randomPiece(r *rand.Rand, size int) piece { return piece{r.IntN(len(sea) - size), size} }

func (p piece) bytes() []byte { return sea[p.at : p.at+p.size] }

func (p piece) target(path string) string { return fmt.Sprintf("%s?at=%d&size=%d", path, p.at, p.size) }

// compare reads to the end and tells the first byte that is wrong.
func (p piece) compare(body io.Reader) error {
	want := p.bytes()
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > len(want) || !bytes.Equal(buffer[:n], want[:n]) {
			return &wrongAnswer{fmt.Sprintf("the body is wrong between %d and %d of %d bytes", p.size-len(want), p.size-len(want)+n, p.size)}
		}
		want = want[n:]
		switch {
		case err == io.EOF && len(want) > 0:
			return &wrongAnswer{fmt.Sprintf("the body has ended with %d of %d bytes", p.size-len(want), p.size)}
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
