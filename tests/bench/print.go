//go:build linux

package main

import (
	"fmt"
	"io"
)

// print writes the tables for people.
func (r *report) print(out io.Writer, chosen workloads, names []string) {
	fmt.Fprintf(out, "Medians of %d interleaved rounds of %d s; %d CPUs (%s); workers: %d; lb in mode %s\n",
		r.countRounds(), r.Seconds, r.CPUs, r.Machine, r.Workers, r.Mode)
	for _, version := range r.Versions {
		fmt.Fprintln(out, version)
	}
	for _, w := range chosen {
		r.printWorkload(out, w, w.entrants(names))
	}
	r.printLatency(out, names)
	printMemory(out, "idle: growth of resident memory, %d keep-alive connections after one request each", r.Idle)
	printMemory(out, "active: growth of resident memory, %d connections with a request at a slow backend", r.Active)
	r.printStarts(out)
	if r.BinaryBytes > 0 {
		fmt.Fprintf(out, "\nbinary of lb: %.1f MB\n", float64(r.BinaryBytes)/1e6)
	}
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
			r.median(w.name, name, func(s sample) float64 { return micros(s.P99) / 1e3 }))
		if w.payload > 0 {
			fmt.Fprintf(out, " %12.0f", millisPerGB(cost, w.payload))
		}
		fmt.Fprintln(out)
	}
	if w.without != "" {
		fmt.Fprintf(out, "%-10s cannot do this\n", w.without)
	}
	if w.logs {
		r.printLogPrice(out, w)
		return
	}
	if found, ok := r.against(w.name, names); ok {
		fmt.Fprintf(out, "lb / %-5s %16.3f   (rounds: %.3f to %.3f)\n", found.peer, found.value, found.low, found.high)
	}
}

// printLogPrice tells the lines, too: a line that was dropped cost nothing.
func (r *report) printLogPrice(out io.Writer, w workload) {
	if len(r.rounds(w.name, lbLogPipe)) == 0 {
		return
	}
	fmt.Fprintf(out, "the log adds %.2f µs to /dev/null, %.2f µs to a pipe (%.3f lines per request read there)\n",
		r.logPrice(w, lbLogNull), r.logPrice(w, lbLogPipe), r.median(w.name, lbLogPipe, sample.linesPerRequest))
}

func printMemory(out io.Writer, title string, figures []memoryFigure) {
	if len(figures) == 0 {
		return
	}
	fmt.Fprintf(out, "\n"+title+"\n%-10s %16s\n", figures[0].Connections, "", "bytes/connection")
	for _, figure := range figures {
		fmt.Fprintf(out, "%-10s %16.0f\n", figure.Proxy, figure.BytesEach)
	}
}
