//go:build sim

package sim

import (
	"bytes"
	"math/rand/v2"
)

// Bodies are endless streams, one for each key, of which a message has the beginning: so each byte of one can be
// checked when it arrives, however it was cut, and one of another message is out of place.

const patternPeriod = 65521

// patternBytes hold the period and one more behind it, so that pieces of up to a period lie in one piece.
var patternBytes = func() []byte {
	b := make([]byte, patternPeriod, 2*patternPeriod)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return append(b, b...)
}()

// stream is where in the endless stream of a key the next byte stands.
type stream struct {
	key uint64
	at  int
}

// start of the stream in the period.
func (s *stream) start() int {
	return int((s.key*0x9e3779b97f4a7c15>>20 + uint64(s.at)) % patternPeriod)
}

// next is the next piece, of at most so many bytes. It is not to be written.
func (s *stream) next(most int) []byte {
	from := s.start()
	n := min(most, patternPeriod)
	s.at += n
	return patternBytes[from : from+n]
}

// bytes returns the next n.
func (s *stream) bytes(n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		b = append(b, s.next(n-len(b))...)
	}
	return b
}

// check compares the next bytes with what came and reports whether they are the same.
func (s *stream) check(b []byte) bool {
	for len(b) > 0 {
		want := s.next(len(b))
		if !bytes.Equal(want, b[:len(want)]) {
			return false
		}
		b = b[len(want):]
	}
	return true
}
