package main

import (
	"sort"
	"sync"
)

// batch is lines that are written at once.
type batch struct {
	text []byte
	ends []int  // of its lines, in text
	lost uint64 // lines dropped before them
}

// spareBatches keeps the memory of batches: a busy log needs a dozen at a time.
var spareBatches = sync.Pool{New: func() any { return &batch{text: make([]byte, 0, maxLine)} }}

func newBatch(lost uint64) *batch {
	b := spareBatches.Get().(*batch)
	b.text, b.ends, b.lost = b.text[:0], b.ends[:0], lost
	return b
}

// free makes it ready for its next use, which is not for a batch that had to grow.
func (b *batch) free() {
	if cap(b.text) == maxLine {
		spareBatches.Put(b)
	}
}

func (b *batch) add(line []byte) {
	b.text = append(b.text, line...)
	b.ends = append(b.ends, len(b.text))
}

// linesBehind is how many of its lines do not lie wholly in the first n bytes.
func (b *batch) linesBehind(n int) uint64 {
	whole := sort.SearchInts(b.ends, n+1)
	return uint64(len(b.ends) - whole)
}
