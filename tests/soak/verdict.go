//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// What may grow, and how far. All are compared as medians of a third of a process' life, after it has warmed up; what
// is at rest has to be the same to the last descriptor.
const (
	memoryShare   = 20      // growth of resident memory by 1/20 is noise of the heap,
	memoryBytes   = 4 << 20 // and so is this much
	openShare     = 32      // descriptors that are no connections; the pages tell of those a second late
	goroutineRoom = 16      // handshakes, probes, pages
	actorRoom     = 4       // of the guest and of its prober
	latencyFactor = 2       // of the 99 % quantile,
	latencyRoom   = 2 * time.Millisecond
	fewest        = 9 // samples that a life must have to be judged
)

// quantity is a figure that may not grow.
type quantity struct {
	name  string
	of    func(*sample) int64
	limit func(first int64) int64
}

func room(n int64) func(int64) int64 { return func(int64) int64 { return n } }

var quantities = []quantity{
	{"resident bytes", func(s *sample) int64 { return s.RSS }, func(first int64) int64 {
		return max(first/memoryShare, memoryBytes)
	}},
	{"descriptors beside connections", func(s *sample) int64 { return int64(s.others()) }, room(openShare)},
	{"goroutines", func(s *sample) int64 { return int64(s.Goroutines) }, room(goroutineRoom)},
	{"actors", func(s *sample) int64 { return int64(s.Actors) }, room(actorRoom)},
}

// warmUp is how long a process may be unlike what it will be: a minute, or less of a short run. settling is how long it may
// go on growing: its heap follows the largest burst so far.
func (s *stand) warmUp() time.Duration   { return min(time.Minute, s.length/10) }
func (s *stand) settling() time.Duration { return min(5*time.Minute, s.length/6) }

// judge looks for everything that should not be.
func (s *stand) judge() {
	if n := s.tally.unexplained(); n > 0 {
		s.find("%d requests failed, and nothing explains it", n)
	}
	if s.starved > s.length/starvedShare {
		s.find("this process had no CPU for %v: the machine is too busy for a verdict", s.starved.Round(time.Millisecond))
	}
	if s.missed > len(s.samples)/4 {
		s.find("%d samples could not be taken, %d could", s.missed, len(s.samples))
	}
	for _, found := range slices.Concat(
		growth(s.samples, s.warmUp(), s.settling()), s.before.differences(&s.after), slowed(s.tally.times, s.began, s.length),
		s.judgeLog(),
	) {
		s.find("%s", found)
	}
	if left := s.lb.kill(); len(left) > 0 {
		s.find("processes are left at the end: %v", left)
	}
}

// growth compares thirds of each life, once it has settled, and the lives with the first one at the same age.
func growth(samples []sample, warmUp, settling time.Duration) (findings []string) {
	var lives [][]sample
	for _, one := range samples {
		for len(lives) <= one.Generation {
			lives = append(lives, nil)
		}
		if one.Age >= warmUp {
			lives[one.Generation] = append(lives[one.Generation], one)
		}
	}
	for i, life := range lives {
		settled := slices.DeleteFunc(slices.Clone(life), func(s sample) bool { return s.Age < settling })
		if third := len(settled) / 3; len(settled) >= fewest {
			what := fmt.Sprintf("in the life of process %d", i)
			findings = append(findings, compare(what, settled[:third], settled[len(settled)-third:])...)
		}
		if shared := min(len(life), len(lives[0])); i > 0 && shared >= fewest {
			what := fmt.Sprintf("of process %d, compared with the first at the same age", i)
			findings = append(findings, compare(what, lives[0][:shared], life[:shared])...)
		}
	}
	return findings
}

func compare(what string, first, last []sample) (findings []string) {
	for _, q := range quantities {
		from, to := median(first, q.of), median(last, q.of)
		if to-from > q.limit(from) {
			findings = append(findings, fmt.Sprintf("%s %s grew from %d to %d", q.name, what, from, to))
		}
	}
	return findings
}

// median of a figure of the samples, of which there must be one.
func median(samples []sample, of func(*sample) int64) int64 {
	values := make([]int64, len(samples))
	for i := range samples {
		values[i] = of(&samples[i])
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// differences compares rest with rest.
func (r *rest) differences(after *rest) (findings []string) {
	for _, figure := range []struct {
		name          string
		before, after int
	}{
		{"processes", r.Processes, after.Processes},
		{"descriptors", r.Descriptors, after.Descriptors},
		{"goroutines", r.Goroutines, after.Goroutines},
		{"actors", r.Actors, after.Actors},
		{"goroutines of worker 0", r.worker.total(), after.worker.total()},
	} {
		if figure.before != figure.after {
			findings = append(findings, fmt.Sprintf("at rest there were %d %s before the load and %d after it",
				figure.before, figure.name, figure.after))
		}
	}
	makers := maps.Clone(r.worker)
	maps.Copy(makers, after.worker)
	for _, maker := range slices.Sorted(maps.Keys(makers)) {
		if before, now := r.worker[maker], after.worker[maker]; before != now {
			findings = append(findings, fmt.Sprintf("goroutines of worker 0 by %s: %d and %d", maker, before, now))
		}
	}
	return findings
}

// slowed compares the latencies of the first third, after a minute, with those of the last.
func slowed(times []timing, began time.Time, length time.Duration) []string {
	skip := min(time.Minute, length/10)
	third := (length - skip) / 3
	first := between(times, began.Add(skip), began.Add(skip+third))
	last := between(times, began.Add(length-third), began.Add(length))
	if len(first) == 0 || len(last) == 0 {
		return []string{"no latencies in the first or the last third"}
	}
	from, to := quantile(first, 0.99), quantile(last, 0.99)
	if to > from*latencyFactor && to > from+latencyRoom {
		return []string{fmt.Sprintf("99 %% of small requests took %v in the first third and %v in the last", from, to)}
	}
	return nil
}

// between are the latencies of what was due in that time, in their order.
func between(times []timing, from, to time.Time) (took []time.Duration) {
	for _, one := range times {
		if !one.due.Before(from) && one.due.Before(to) {
			took = append(took, one.took)
		}
	}
	slices.Sort(took)
	return took
}

// quantile of sorted values, which are not empty.
func quantile(sorted []time.Duration, part float64) time.Duration {
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
