//go:build linux

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report prints what happened on each stand; the error says that there are findings.
func report(out io.Writer, stands []*stand) error {
	bad := 0
	for _, s := range stands {
		s.printMinutes(out)
		s.printEndings(out)
		s.printRest(out)
		bad += s.printFindings(out)
	}
	if bad > 0 {
		return fmt.Errorf("%d findings", bad)
	}
	if len(stands) == 0 {
		return errors.New("nothing ran")
	}
	return nil
}

func table(out io.Writer, heading string) *tabwriter.Writer {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, strings.ReplaceAll(heading, " ", "\t")+"\t")
	return w
}

// printMinutes prints medians of each minute.
func (s *stand) printMinutes(out io.Writer) {
	fmt.Fprintf(out, "\n%s: %d requests a second for %v, seed %d; starved for %v\n", s.mode, s.rate, s.length, s.seed,
		s.starved.Round(time.Millisecond))
	w := table(out, "minute process RSS/MiB anon/MiB descriptors others threads goroutines actors clients lines p50 p99")
	for minute := 0; time.Duration(minute)*time.Minute < s.length; minute++ {
		from := s.began.Add(time.Duration(minute) * time.Minute)
		to := from.Add(time.Minute)
		var part []sample
		for _, one := range s.samples {
			if !one.Time.Before(from) && one.Time.Before(to) {
				part = append(part, one)
			}
		}
		if len(part) > 0 {
			fmt.Fprintln(w, row(minute, part, between(s.tally.times, from, to)))
		}
	}
	w.Flush()
}

func row(minute int, part []sample, took []time.Duration) string {
	of := func(f func(*sample) int) int64 { return median(part, func(s *sample) int64 { return int64(f(s)) }) }
	mib := func(f func(*sample) int64) float64 { return float64(median(part, f)) / (1 << 20) }
	latency := "-\t-"
	if len(took) > 0 {
		half, most := quantile(took, 0.5), quantile(took, 0.99)
		latency = fmt.Sprintf("%v\t%v", half.Round(time.Microsecond), most.Round(time.Microsecond))
	}
	return fmt.Sprintf("%d\t%d\t%.1f\t%.1f\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t", minute, part[len(part)-1].Generation,
		mib(func(s *sample) int64 { return s.RSS }), mib(func(s *sample) int64 { return s.Anon }),
		of(func(s *sample) int { return s.Descriptors }), of((*sample).others), of(func(s *sample) int { return s.Threads }),
		of(func(s *sample) int { return s.Goroutines }), of(func(s *sample) int { return s.Actors }),
		of(func(s *sample) int { return s.Clients }), of(func(s *sample) int { return s.Lines }), latency)
}

// printEndings prints how requests ended, by kind, and what explains the failures.
func (s *stand) printEndings(out io.Writer) {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	answered, failed := map[string]int{}, map[string][]string{}
	endings := slices.SortedFunc(maps.Keys(s.tally.counts), func(a, b ending) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.trouble, b.trouble), cmp.Compare(a.word, b.word))
	})
	for _, e := range endings {
		if e.word == "answered" {
			answered[e.kind] = s.tally.counts[e]
			continue
		}
		reason := cmp.Or(e.trouble, "UNEXPLAINED")
		failed[e.kind] = append(failed[e.kind], fmt.Sprintf("%d %s (%s)", s.tally.counts[e], e.word, reason))
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, kind := range append([]string{"probe"}, names()...) {
		fmt.Fprintf(w, "%s\t%d\t%s\n", kind, answered[kind], strings.Join(failed[kind], ", "))
	}
	w.Flush()
}

func names() (all []string) {
	for i := range kinds {
		all = append(all, kinds[i].name)
	}
	return all
}

func (s *stand) printRest(out io.Writer) {
	fmt.Fprintln(out)
	w := table(out, "rest RSS/MiB anon/MiB processes descriptors threads goroutines worker-0 actors")
	for name, r := range map[string]*rest{"before": &s.before, "after": &s.after} {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, float64(r.RSS)/(1<<20), float64(r.Anon)/(1<<20),
			r.Processes, r.Descriptors, r.Threads, r.Goroutines, r.worker.total(), r.Actors)
	}
	w.Flush()
	if lines, err := s.logLines(); err == nil {
		fmt.Fprintln(out, "\nlog:")
		for _, text := range slices.Sorted(maps.Keys(lines)) {
			fmt.Fprintf(out, "%7d %s\n", lines[text], text)
		}
	}
}

func (s *stand) printFindings(out io.Writer) int {
	fmt.Fprintf(out, "\n%s: %d findings\n", s.mode, len(s.findings))
	for _, one := range s.findings {
		fmt.Fprintln(out, "  "+one)
	}
	if len(s.findings) == 0 {
		return 0
	}
	for _, one := range s.tally.samples {
		fmt.Fprintln(out, "    "+one)
	}
	for _, one := range s.events {
		fmt.Fprintln(out, "    "+one)
	}
	return len(s.findings)
}
