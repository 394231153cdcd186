//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"time"
)

// report collects the figures of a run.
type report struct {
	CPUs     int
	Workers  int
	Seconds  int // of a measurement
	Samples  []sample
	Idle     []idleFigure
	Problems []string
}

// sample is one measurement.
type sample struct {
	Workload, Proxy string
	Round           int
	CPU             time.Duration // of the proxy
	load
}

// idleFigure is the growth of resident memory per idle connection.
type idleFigure struct {
	Proxy       string
	Connections int
	BytesEach   float64
}

func newReport(o options) *report {
	return &report{CPUs: runtime.NumCPU(), Workers: o.workers, Seconds: o.seconds}
}

func (r *report) add(s sample) {
	r.Samples = append(r.Samples, s)
	if s.Failed != (failures{}) {
		r.Problems = append(r.Problems, fmt.Sprintf("%s, %s, round %d: %+v", s.Proxy, s.Workload, s.Round+1, s.Failed))
	}
}

func (s sample) microsPerRequest() float64 {
	return float64(s.CPU.Microseconds()) / float64(s.Requests)
}
func (s sample) requestsPerSecond() float64 { return float64(s.Requests) / s.Elapsed.Seconds() }

// median over the rounds of a proxy at a workload; NaN without any.
func (r *report) median(workload, proxy string, figure func(sample) float64) float64 {
	var values []float64
	for _, s := range r.Samples {
		if s.Workload == workload && s.Proxy == proxy {
			values = append(values, figure(s))
		}
	}
	return median(values)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// ratio compares the CPU time per request of lb with that of the cheaper peer.
type ratio struct {
	peer      string
	value     float64 // of the medians
	low, high float64 // of the rounds, each by itself: how far to trust the value
}

// against finds the ratio at a workload; ok is false where lb or every peer is missing.
func (r *report) against(workload string, names []string) (found ratio, ok bool) {
	best := math.Inf(1)
	for _, name := range names {
		if cost := r.median(workload, name, sample.microsPerRequest); name != "lb" && cost < best {
			best, found.peer = cost, name
		}
	}
	ours, theirs := r.rounds(workload, "lb"), r.rounds(workload, found.peer)
	if len(ours) == 0 || len(theirs) == 0 {
		return ratio{}, false
	}
	found.value = r.median(workload, "lb", sample.microsPerRequest) / best
	found.low, found.high = math.Inf(1), 0
	for round, cost := range ours {
		one := cost / theirs[round]
		found.low, found.high = min(found.low, one), max(found.high, one)
	}
	return found, true
}

// rounds are the costs per request by round.
func (r *report) rounds(workload, proxy string) map[int]float64 {
	costs := map[int]float64{}
	for _, s := range r.Samples {
		if s.Workload == workload && s.Proxy == proxy {
			costs[s.Round] = s.microsPerRequest()
		}
	}
	return costs
}

// print writes the tables for people.
func (r *report) print(out io.Writer, chosen []workload, names []string) {
	rounds := map[int]bool{}
	for _, s := range r.Samples {
		rounds[s.Round] = true
	}
	fmt.Fprintf(out, "Medians of %d interleaved rounds of %d s; %d CPUs; workers: %d\n",
		len(slices.Collect(maps.Keys(rounds))), r.Seconds, r.CPUs, r.Workers)
	for _, w := range chosen {
		r.printWorkload(out, w, names)
	}
	r.printIdle(out)
	for _, problem := range r.Problems {
		fmt.Fprintln(out, "FAILED:", problem)
	}
}

func (r *report) printWorkload(out io.Writer, w workload, names []string) {
	fmt.Fprintf(out, "\n%s: %s\n%-10s %16s %12s %10s", w.name, w.about, "", "CPU µs/request", "requests/s", "p99 ms")
	if w.payload > 0 {
		fmt.Fprintf(out, " %12s", "CPU ms/GB")
	}
	fmt.Fprintln(out)
	for _, name := range names {
		cost := r.median(w.name, name, sample.microsPerRequest)
		fmt.Fprintf(out, "%-10s %16.2f %12.0f %10.1f", name, cost, r.median(w.name, name, sample.requestsPerSecond),
			r.median(w.name, name, func(s sample) float64 { return float64(s.P99.Microseconds()) / 1e3 }))
		if w.payload > 0 {
			fmt.Fprintf(out, " %12.0f", cost/1e3*1e9/float64(w.payload))
		}
		fmt.Fprintln(out)
	}
	if found, ok := r.against(w.name, names); ok {
		fmt.Fprintf(out, "lb / %-5s %16.3f   (rounds: %.3f to %.3f)\n", found.peer, found.value, found.low, found.high)
	}
}

func (r *report) printIdle(out io.Writer) {
	if len(r.Idle) == 0 {
		return
	}
	fmt.Fprintf(out, "\nidle: growth of resident memory, %d keep-alive connections after one request each\n%-10s %16s\n",
		r.Idle[0].Connections, "", "bytes/connection")
	for _, figure := range r.Idle {
		fmt.Fprintf(out, "%-10s %16.0f\n", figure.Proxy, figure.BytesEach)
	}
}

// write saves all samples as JSON; durations are in nanoseconds.
func (r *report) write(name string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
