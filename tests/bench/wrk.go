//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The load generator is wrk: one C event loop that sends a request prepared once, so that it takes about a third of the
// CPU of a proxy and leaves the other core to the backends. It counts completed responses itself, reconnects where a
// response says close, and sends bodies. Most of its time is the
// kernel's, so that a generator of ours could not be much cheaper.

// load is what the generator saw in one run.
type load struct {
	Requests int64         // completed responses, of any status
	Bytes    int64         // received
	Elapsed  time.Duration // from the first connection on
	P99      time.Duration // latency, under saturation
	Failed   failures
}

// failures count what must not happen in a measurement.
type failures struct {
	Connect, Read, Write, Timeout int64
	Status                        int64 // responses above 399
}

// summaryLine is printed by the script when wrk is done, in the order that parseSummary reads.
const summaryLine = "bench-summary"

// generate runs the workload against an address.
func (w workload) generate(ctx context.Context, dir, address string, seconds int) (load, error) {
	script := filepath.Join(dir, w.name+".lua")
	if err := os.WriteFile(script, []byte(w.script()), 0o644); err != nil {
		return load{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+patience)
	defer cancel()
	command := exec.CommandContext(ctx, "wrk", "-t", "1", "-c", fmt.Sprint(w.connections),
		"-d", fmt.Sprintf("%ds", seconds), "-s", script, "http://"+address+w.path)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := command.CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, output)
	}
	return parseSummary(string(output))
}

// script tells wrk what to send. No function of it runs per request.
func (w workload) script() string {
	var lua strings.Builder
	fmt.Fprintf(&lua, "wrk.method = %q\n", w.method())
	for _, field := range browserFields {
		fmt.Fprintf(&lua, "wrk.headers[%q] = %q\n", field[0], field[1])
	}
	if w.closes {
		fmt.Fprintf(&lua, "wrk.headers[%q] = %q\n", "Connection", "close")
	}
	if w.upload > 0 {
		fmt.Fprintf(&lua, "wrk.body = string.rep(\"u\", %d)\n", w.upload)
	}
	fmt.Fprintf(&lua, `done = function(summary, latency)
  local e = summary.errors
  print(string.format("%s %%d %%d %%d %%d %%d %%d %%d %%d %%d", summary.requests, summary.bytes, summary.duration,
    latency:percentile(99), e.connect, e.read, e.write, e.timeout, e.status))
end
`, summaryLine)
	return lua.String()
}

func parseSummary(output string) (load, error) {
	_, line, found := strings.Cut(output, summaryLine)
	if !found {
		return load{}, fmt.Errorf("no summary in what wrk printed:\n%s", output)
	}
	var l load
	var elapsed, p99 int64 // µs
	f := &l.Failed
	_, err := fmt.Sscan(line, &l.Requests, &l.Bytes, &elapsed, &p99, &f.Connect, &f.Read, &f.Write, &f.Timeout, &f.Status)
	if err != nil {
		return load{}, fmt.Errorf("summary of wrk: %w: %q", err, line)
	}
	l.Elapsed = time.Duration(elapsed) * time.Microsecond
	l.P99 = time.Duration(p99) * time.Microsecond
	if l.Requests == 0 {
		return load{}, fmt.Errorf("no request was answered:\n%s", output)
	}
	return l, nil
}
