//go:build linux

// Soak runs lb for a long time under a mixed load while things go wrong around it, and looks for what grows:
//
//	go run ./tests/soak [-minutes 30] [-mode both] [-rate 600] [-seed 1] [-csv samples.csv]
//
// One stand for each mode of processes, side by side: an lb with five backends of this process (HTTP/1.1, the same by
// name and slow, over TLS, HTTP/2 over TLS, HTTP/2 in clear text) and a sixth that comes and goes. The load has a fixed
// rate, whatever becomes of it: keep-alive, new connections, uploads, downloads, event streams, tunnels, slow readers,
// clients that leave, malformed requests. A seed tells the order of the faults: backends that stop, stall, reset, talk
// nonsense or are slow; reloads good and bad; workers that crash; upgrades, in the first half of the time only, so that
// the last process has a long life.
//
// Each answer is compared byte by byte. A request that fails while nothing was done that explains it is a finding, and
// so is a process whose memory, descriptors, goroutines or actors grow, in its life or from one to the next, a fault of
// lb's own in its log, and latency that grows. Exit code 1: there are findings.
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
	"slices"
	"sync"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	minutes float64 // of load
	mode    string  // sp, mp, both
	rate    int     // requests a second on each stand
	seed    uint64
	csv     string // file for the samples
	lb      string // binary with the build tag lbfault; "" builds ./cmd/lb
	keep    string // directory for logs, which stays; "" is a temporary one
}

func main() {
	o, err := parseOptions()
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func parseOptions() (options, error) {
	var o options
	flag.Float64Var(&o.minutes, "minutes", 30, "length of the load")
	flag.StringVar(&o.mode, "mode", "both", "processes of lb: sp, mp, both side by side")
	flag.IntVar(&o.rate, "rate", 600, "requests a second on each stand")
	flag.Uint64Var(&o.seed, "seed", 1, "of the order of requests and faults")
	flag.StringVar(&o.csv, "csv", "", "write all samples to this file")
	flag.StringVar(&o.lb, "lb", "", "lb binary with the build tag lbfault; built from ./cmd/lb when empty")
	flag.StringVar(&o.keep, "keep", "", "directory for logs; removed at the end when it is not given")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case !slices.Contains([]string{"sp", "mp", "both"}, o.mode):
		return o, fmt.Errorf("-mode is sp, mp or both, not %q", o.mode)
	case o.minutes < 1 || o.rate < 20:
		return o, errors.New("-minutes starts at 1, -rate at 20")
	}
	return o, nil
}

func (o options) modes() []string {
	if o.mode == "both" {
		return []string{"sp", "mp"}
	}
	return []string{o.mode}
}

func run(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := workingDirectory(o.keep)
	if err != nil {
		return err
	}
	if o.keep == "" {
		defer os.RemoveAll(dir)
	}
	if o.lb == "" {
		if o.lb, err = buildLB(ctx, dir); err != nil {
			return err
		}
	}
	stands, err := soak(ctx, o, dir)
	return errors.Join(err, report(os.Stdout, stands), writeSamples(o.csv, stands))
}

func workingDirectory(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "lb-soak-")
	}
	dir, err := filepath.Abs(keep)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// buildLB builds an lb that can be made to fail.
func buildLB(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "lb")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lbfault,urfave_cli_no_docs", "-o", path,
		"lb/cmd/lb")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build lb: %w\n%s", err, output)
	}
	return path, nil
}

// soak runs all stands to their end.
func soak(ctx context.Context, o options, dir string) ([]*stand, error) {
	var stands []*stand
	for i, mode := range o.modes() {
		s, err := newStand(o, mode, filepath.Join(dir, mode), o.seed+uint64(i))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", mode, err)
		}
		defer s.close()
		stands = append(stands, s)
	}
	failures := make([]error, len(stands))
	var running sync.WaitGroup
	for i, s := range stands {
		running.Go(func() {
			if err := s.run(ctx, time.Duration(o.minutes*float64(time.Minute))); err != nil {
				failures[i] = fmt.Errorf("%s: %w", s.mode, err)
			}
		})
	}
	running.Wait()
	return stands, errors.Join(failures...)
}
