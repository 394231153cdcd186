//go:build sim

package sim

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"lb/proxy/transport"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this seed only, and show its trace")
	seedsFlag = flag.Int("seeds", 12000, "how many seeds to run")
	firstFlag = flag.Uint64("first", 1, "the first of them; 0: anywhere")
)

// fewSeeds are run with -short.
const fewSeeds = 1500

// maxFailures is after how many failures no more seeds are begun.
const maxFailures = 10

func TestSeeds(t *testing.T) {
	if *seedFlag != 0 {
		if err := run(0, *seedFlag, os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	seeds := *seedsFlag
	if testing.Short() {
		seeds = min(seeds, fewSeeds)
	}
	first := *firstFlag
	if first == 0 {
		first = rand.Uint64N(1e12)
	}
	t.Logf("%d seeds from %d", seeds, first)
	var next, failures atomic.Int64
	var group sync.WaitGroup
	for lane := range min(runtime.GOMAXPROCS(0), transport.Lanes) {
		group.Go(func() {
			for i := next.Add(1); i <= int64(seeds) && failures.Load() < maxFailures; i = next.Add(1) {
				seed := first + uint64(i) - 1
				if err := run(lane, seed, nil); err != nil {
					failures.Add(1)
					fmt.Fprintf(os.Stderr, "sim: seed %d fails\n", seed) // at once: a run that is cut off tells it, too
					t.Errorf("seed %d, %v (task sim SEED=%d)", seed, err, seed)
				}
			}
		})
	}
	group.Wait()
}

// A seed that fails must fail again when it is looked at.
func TestASeedIsOneRun(t *testing.T) {
	for seed := range uint64(40) {
		var first, second bytes.Buffer
		err, again := run(0, seed+1, &first), run(1, seed+1, &second)
		if (err == nil) != (again == nil) || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("seed %d: two runs differ: %v, %v", seed+1, err, again)
		}
		if first.Len() == 0 {
			t.Errorf("seed %d: no trace", seed+1)
		}
	}
}
