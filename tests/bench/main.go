//go:build linux

// Bench measures what a request costs in lb, nginx and HAProxy, side by side on this machine:
//
//	go run ./tests/bench [-rounds 4] [-seconds 2] [-workers 1] [-mode mp] [-backends 2] [-workloads small-64,connect]
//	                     [-only lb,nginx] [-markdown README.md]
//
// The figure that counts is the proxy's CPU time per completed request: user and system time of all its processes from
// /proc, over the requests that the load generator saw answered. Unlike requests per second it does not depend on what
// else shares the machine's cores (the load generator and the backends do), so two cores are enough to tell 5 %. Rounds
// are interleaved, so that a machine that slows down slows all; medians are printed, and the ratio of lb to the better
// peer.
//
// Beside it stand the time that a proxy adds to a request at a fixed rate, memory per connection, idle and with a
// request under way, the price of lb's access log, the time from exec to the first answer, and the size of lb's binary.
//
// Everything stays on loopback, takes a bounded time, and ends the processes that it started. Exit code 1: something
// could not be measured, or a response was not what it had to be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	rounds    int
	seconds   int    // of each measurement
	workers   int    // of each proxy
	mode      string // of lb: sp, mp
	backends  int
	rate      int // requests per second of the latency measurement; 0 leaves it out
	idle      int // connections of a memory measurement; 0 leaves it out
	active    int // the same, with a request under way on each
	starts    int // of each proxy, to measure how long they take; 0: none
	workloads string
	only      string
	lb        string // binary; "" builds ./cmd/lb
	out       string // file for the figures as JSON
	markdown  string // file to write the table into
}

func main() {
	// Children die with the thread that started them (PR_SET_PDEATHSIG): it has to be one that lasts.
	runtime.LockOSThread()
	o, err := parseOptions()
	if err == nil {
		err = interruptible(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseOptions() (options, error) {
	var o options
	flag.IntVar(&o.rounds, "rounds", 4, "rounds; medians over them are printed")
	flag.IntVar(&o.seconds, "seconds", 2, "length of each measurement")
	flag.IntVar(&o.workers, "workers", 1, "event loops of each proxy")
	flag.IntVar(&o.backends, "backends", 2, "servers behind each proxy; health checks of lb take part in the figures")
	flag.StringVar(&o.mode, "mode", "sp", "processes of lb: sp, mp (all of them count)")
	flag.IntVar(&o.rate, "rate", 5000, "requests per second when the time that proxies add is measured; 0: not")
	flag.IntVar(&o.active, "active", 2000, "connections with a request under way, whose memory is measured; 0: none")
	flag.IntVar(&o.starts, "starts", 10, "starts of each proxy whose time is measured; 0: none")
	flag.IntVar(&o.idle, "idle", 5000, "idle connections whose memory is measured; 0: none")
	flag.StringVar(&o.workloads, "workloads", strings.Join(allWorkloads.names(), ","), "what to measure")
	flag.StringVar(&o.only, "only", "lb,nginx,haproxy", "whom to measure")
	flag.StringVar(&o.lb, "lb", "", "lb binary; built from ./cmd/lb when empty")
	flag.StringVar(&o.out, "out", "", "write all figures to this file, as JSON")
	flag.StringVar(&o.markdown, "markdown", "", "put the table between the marks <!-- figures MODE --> of this file")
	flag.Parse()
	if flag.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if min(o.rounds, o.seconds, o.workers, o.backends) < 1 {
		return o, errors.New("-rounds, -seconds, -workers and -backends start at 1")
	}
	if min(o.rate, o.idle, o.active, o.starts) < 0 {
		return o, errors.New("-rate, -idle, -active and -starts start at 0")
	}
	return o, nil
}

// interruptible runs with an end: Ctrl-C, or three times what the measurements should take.
func interruptible(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	measurements := time.Duration((o.rounds + 1) * len(allWorkloads) * 3)
	limit := 3*measurements*time.Duration(o.seconds+1)*time.Second + 5*time.Minute
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return run(ctx, o)
}

func run(ctx context.Context, o options) error {
	chosen, err := allWorkloads.choose(o.workloads)
	if err != nil {
		return err
	}
	dir, err := workingDirectory()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	names := strings.Split(o.only, ",")
	if o.lb, err = lbBinary(ctx, o.lb, dir, names); err != nil {
		return err
	}
	servers, err := startBackends(o.backends)
	if err != nil {
		return err
	}
	b := &bench{
		options: o, dir: dir, backends: servers, names: names,
		origins: map[scheme]origins{}, running: map[entrant]*proxy{},
	}
	return b.run(ctx, chosen)
}

// workingDirectory may be entered by nginx's workers, which give up root.
func workingDirectory() (string, error) {
	dir, err := os.MkdirTemp("", "lb-bench-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// lbBinary builds lb as `task build` does, unless one is given or none is wanted.
func lbBinary(ctx context.Context, given, dir string, names []string) (string, error) {
	if given != "" || !slices.Contains(names, "lb") {
		return given, nil
	}
	binary := filepath.Join(dir, "lb")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "urfave_cli_no_docs",
		"-o", binary, "lb/cmd/lb")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build lb (or leave it out: -only nginx,haproxy): %w\n%s", err, output)
	}
	return binary, nil
}
