//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
)

// sea is what all bodies are taken from. A body is named by where in it it begins: one of another request is seen, and
// one that lost or repeated a byte.
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
	want, got := p.bytes(), 0
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > len(want) || !bytes.Equal(buffer[:n], want[:n]) {
			return &wrongAnswer{fmt.Sprintf("the body is wrong between %d and %d of %d bytes", got, got+n, p.size)}
		}
		want, got = want[n:], got+n
		switch {
		case err == io.EOF && len(want) > 0:
			return &wrongAnswer{fmt.Sprintf("the body has ended with %d of %d bytes", got, p.size)}
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
