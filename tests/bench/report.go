//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report collects the figures of a run.
type report struct {
	CPUs        int
	Workers     int
	Mode        string // of lb
	Seconds     int    // of a measurement
	Rate        int    // of latencies, requests per second
	Samples     []sample
	Latency     []latencyFigure
	Idle        []memoryFigure
	Active      []memoryFigure
	Starts      []startFigure
	BinaryBytes int64    // of lb
	Machine     string   // processor and kernel
	Versions    []string // of the programs
	Problems    []string
}

// sample is one measurement.
type sample struct {
	Workload, Proxy string
	Round           int
	CPU             time.Duration // of the proxy
	LogLines        int64         // read from its pipe, if it has one
	load
}

// memoryFigure is the growth of resident memory per connection.
type memoryFigure struct {
	Proxy       string
	Connections int
	BytesEach   float64
}

func newReport(o options) *report {
	return &report{CPUs: runtime.NumCPU(), Workers: o.workers, Mode: o.mode, Seconds: o.seconds, Rate: o.rate}
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
func (s sample) linesPerRequest() float64   { return float64(s.LogLines) / float64(s.Requests) }

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
		if cost := r.median(workload, name, sample.microsPerRequest); !strings.HasPrefix(name, "lb") && cost < best {
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

// countRounds is how many there were.
func (r *report) countRounds() int {
	rounds := map[int]bool{}
	for _, s := range r.Samples {
		rounds[s.Round] = true
	}
	return len(rounds)
}

// bytesEach is the figure of a proxy; NaN without one.
func bytesEach(figures []memoryFigure, proxy string) float64 {
	for _, figure := range figures {
		if figure.Proxy == proxy {
			return figure.BytesEach
		}
	}
	return math.NaN()
}

// logPrice is the CPU time per request that an access log adds, in µs.
func (r *report) logPrice(w workload, logging string) float64 {
	return r.median(w.name, logging, sample.microsPerRequest) - r.median(w.name, "lb", sample.microsPerRequest)
}

func millisPerGB(microsPerRequest float64, payload int) float64 {
	return microsPerRequest / 1e3 * 1e9 / float64(payload)
}

// write saves all samples as JSON; durations are in nanoseconds.
func (r *report) write(name string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
