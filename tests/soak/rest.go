//go:build linux

package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// rest is what an lb holds while it has nothing to do: the least of several samples, as probes come and go.
type rest struct {
	sample
	worker goroutines // of worker process 0; nil in mode sp, whose page tells all
}

// goroutines are counted by what created them.
type goroutines map[string]int

func (g goroutines) total() (n int) {
	for _, times := range g {
		n += times
	}
	return n
}

const (
	restSamples = 10
	restLimit   = 2 * time.Minute // until time-outs have ended what the load has left
)

// measureRest waits for rest and measures it.
func (s *stand) measureRest() (r rest, err error) {
	idle := func() bool {
		state, err := s.lb.status()
		return err == nil && state.atRest()
	}
	for began := time.Now(); !idle(); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > restLimit {
			state, err := s.lb.status()
			return r, fmt.Errorf("no rest %v after the load: %+v, %v", restLimit, state, err)
		}
	}
	for i := range restSamples {
		time.Sleep(sampleEvery / restSamples)
		one, err := s.lb.take()
		if err != nil {
			return r, err
		}
		if i == 0 {
			r.sample = one
		}
		r.lower(&one)
	}
	if s.mode == "mp" {
		r.worker, err = s.dumpWorker()
	}
	return r, err
}

func (r *rest) lower(one *sample) {
	r.Descriptors, r.Threads = min(r.Descriptors, one.Descriptors), min(r.Threads, one.Threads)
	r.Goroutines, r.Actors = min(r.Goroutines, one.Goroutines), min(r.Actors, one.Actors)
}

// dumpWorker has worker process 0 end with a list of its goroutines on stderr, which is the only way to see them, and
// waits for its successor.
func (s *stand) dumpWorker() (goroutines, error) {
	state, err := s.lb.status()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(s.path("stderr"))
	if err != nil {
		return nil, err
	}
	pid := state.Workers[0].PID
	if err := syscall.Kill(pid, syscall.SIGABRT); err != nil {
		return nil, err
	}
	if err := s.lb.await("to lose a worker", func() bool { return !runs(pid) }); err != nil {
		return nil, err
	}
	if err := s.lb.await("to replace a worker", s.settled); err != nil {
		return nil, err
	}
	found := readDump(s.text("stderr")[info.Size():])
	if len(found) == 0 {
		return nil, fmt.Errorf("worker %d has ended without a list of its goroutines", pid)
	}
	return found, nil
}

var (
	oneDumped = regexp.MustCompile(`^goroutine [1-9]\d* `)
	createdBy = regexp.MustCompile(`(?m)^created by (\S+)`)
)

// readDump counts the goroutines of a dump of the runtime. Number 0 is a thread's own and no goroutine.
func readDump(text string) goroutines {
	found := goroutines{}
	for one := range strings.SplitSeq(text, "\n\n") {
		if !oneDumped.MatchString(one) {
			continue
		}
		maker := "the runtime"
		if match := createdBy.FindStringSubmatch(one); match != nil {
			maker = match[1]
		}
		found[maker]++
	}
	return found
}
