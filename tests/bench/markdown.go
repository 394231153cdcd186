//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// The tables of README stand between these.
const (
	figuresBegin = "<!-- figures %s -->"
	figuresEnd   = "<!-- /figures -->"
)

// marks are those of the table of a mode of lb.
func (r *report) marks() (begin, end string) { return fmt.Sprintf(figuresBegin, r.Mode), figuresEnd }

// row is a line of the table: a figure of each proxy, NaN where there is none.
type row struct {
	name, unit  string
	digits      int
	lb          float64
	nginx       float64
	haproxy     float64
	differences bool // the ratio would say nothing
}

// intoMarkdown replaces what stands between the marks of a file.
func (r *report) intoMarkdown(name string, chosen workloads) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	begin, end := r.marks()
	head, rest, opened := strings.Cut(string(text), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !opened || !closed {
		return fmt.Errorf("%s: no %s and %s", name, begin, end)
	}
	var table strings.Builder
	r.printMarkdown(&table, chosen)
	return os.WriteFile(name, []byte(head+begin+"\n"+table.String()+end+tail), 0o644)
}

func (r *report) printMarkdown(out io.Writer, chosen workloads) {
	fmt.Fprintln(out, "| | | lb | nginx | HAProxy | lb / better |\n|---|---|--:|--:|--:|--:|")
	for _, line := range r.rows(chosen) {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out)
	for _, sentence := range r.remarks() {
		fmt.Fprintln(out, sentence)
	}
}

func (r *report) rows(chosen workloads) []row {
	var rows []row
	for _, w := range chosen {
		rows = append(rows, r.workloadRow(w))
		if w.closes {
			rows = append(rows, r.connectionsRow(w))
		}
	}
	for _, q := range quantiles {
		if len(r.Latency) > 0 {
			rows = append(rows, rowOf(fmt.Sprintf("added latency, %s, %d requests/s", q.name, r.Rate), "µs", 0,
				func(proxy string) float64 { return r.added(proxy, q.pick) }))
			rows[len(rows)-1].differences = true
		}
	}
	rows = append(rows, memoryRows("memory per idle connection", r.Idle)...)
	rows = append(rows, memoryRows("memory per connection with a request under way", r.Active)...)
	if len(r.Starts) > 0 {
		rows = append(rows, rowOf("start to first answer", "ms", 1, r.startMillis))
	}
	return rows
}

// workloadRow shows CPU per request, and per byte where bodies are the work.
func (r *report) workloadRow(w workload) row {
	if w.logs {
		return row{
			name: "access log, to a pipe", unit: "CPU µs/request", digits: 1, differences: true,
			lb: r.logPrice(w, lbLogPipe), nginx: math.NaN(), haproxy: math.NaN(),
		}
	}
	line := rowOf(w.name+": "+w.about, "CPU µs/request", 1, func(proxy string) float64 {
		cost := r.median(w.name, proxy, sample.microsPerRequest)
		if w.payload > 0 {
			return millisPerGB(cost, w.payload)
		}
		return cost
	})
	if w.payload > 0 {
		line.unit, line.digits = "CPU ms/GB", 0
	}
	return line
}

// connectionsRow shows how many new connections are served in a second. More is better, so that there is no ratio.
func (r *report) connectionsRow(w workload) row {
	line := rowOf(w.name+": new connections, each with a request", "per second", 0,
		func(proxy string) float64 { return r.median(w.name, proxy, sample.requestsPerSecond) })
	line.differences = true
	return line
}

// memoryRows is one row, or none where nothing was measured.
func memoryRows(name string, figures []memoryFigure) []row {
	if len(figures) == 0 {
		return nil
	}
	return []row{rowOf(name, "bytes", 0, func(proxy string) float64 { return bytesEach(figures, proxy) })}
}

func rowOf(name, unit string, digits int, figure func(proxy string) float64) row {
	return row{
		name: name, unit: unit, digits: digits, lb: figure("lb"), nginx: figure("nginx"), haproxy: figure("haproxy"),
	}
}

func (w row) String() string {
	better := smallest(w.nginx, w.haproxy)
	ratio := w.lb / better
	if w.differences || better == 0 {
		ratio = math.NaN()
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", w.name, w.unit,
		cell(w.lb, w.digits), cell(w.nginx, w.digits), cell(w.haproxy, w.digits), cell(ratio, 2))
}

func cell(value float64, digits int) string {
	if math.IsNaN(value) {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, value)
}

// smallest of two, of which either may be missing.
func smallest(a, b float64) float64 {
	if math.IsNaN(a) || b < a {
		return b
	}
	return a
}

// remarks say what the figures belong to.
func (r *report) remarks() []string {
	remarks := []string{
		fmt.Sprintf("Medians of %d interleaved rounds of %d s each; workers: %d; lb runs with `--mode %s`.",
			r.countRounds(), r.Seconds, r.Workers, r.Mode),
		fmt.Sprintf("Machine: %d CPUs (%s). Versions: %s.", r.CPUs, r.Machine, strings.Join(r.Versions, ", ")),
	}
	if r.BinaryBytes > 0 {
		remarks = append(remarks, fmt.Sprintf("lb's binary has %.1f MB.", float64(r.BinaryBytes)/1e6))
	}
	return remarks
}
