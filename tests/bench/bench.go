//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// bench is one run of the program.
type bench struct {
	options  options
	dir      string // configurations, scripts, logs of the proxies
	backends *backends
	names    []string // of the proxies, in the order of the tables
}

// run measures, prints, and fails when anything went wrong on the way: figures with errors in them are printed, but no
// script should take them for good ones.
func (b *bench) run(ctx context.Context, chosen []workload) error {
	r := newReport(b.options)
	if err := b.underLoad(ctx, chosen, r); err != nil {
		return err
	}
	if err := b.atRest(ctx, r); err != nil {
		return err
	}
	r.print(os.Stdout, chosen, b.names)
	if b.options.out != "" {
		if err := r.write(b.options.out); err != nil {
			return err
		}
	}
	if len(r.Problems) > 0 {
		return errors.New("not every request was answered, see above")
	}
	return nil
}

// underLoad takes all rounds. The proxies run all the time: one that is not being measured is idle.
func (b *bench) underLoad(ctx context.Context, chosen []workload, r *report) error {
	proxies, err := b.startAll(ctx)
	defer stopAll(proxies)
	if err != nil {
		return err
	}
	for _, p := range proxies {
		if err := b.verify(ctx, p, chosen); err != nil {
			return err
		}
	}
	for round := range b.options.rounds {
		for _, w := range chosen {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, b.options.rounds, w.name)
			for i := range proxies {
				p := proxies[(i+round)%len(proxies)] // nobody is always the first
				if err := b.measure(ctx, r, p, w, round); err != nil {
					return fmt.Errorf("%s, %s: %w", p.name, w.name, err)
				}
			}
		}
	}
	return nil
}

// measure adds one sample to the report. The first of a proxy is preceded by a second that does not count: it fills the
// pools.
func (b *bench) measure(ctx context.Context, r *report, p *proxy, w workload, round int) error {
	if round == 0 {
		if _, err := w.generate(ctx, b.dir, p.address, 1); err != nil {
			return err
		}
	}
	before, err := processTree(p.pid())
	if err != nil {
		return err
	}
	done, err := w.generate(ctx, b.dir, p.address, b.options.seconds)
	if err != nil {
		return err
	}
	after, err := processTree(p.pid())
	if err != nil {
		return err
	}
	spent, err := after.cpuSince(before)
	if err != nil {
		return err
	}
	r.add(sample{Workload: w.name, Proxy: p.name, Round: round, CPU: spent, load: done})
	return nil
}

// startAll starts one of each proxy; what it returns has to be stopped, also beside an error.
func (b *bench) startAll(ctx context.Context) ([]*proxy, error) {
	var started []*proxy
	for _, name := range b.names {
		p, err := b.start(ctx, name)
		if err != nil {
			return started, fmt.Errorf("%s: %w", name, err)
		}
		started = append(started, p)
	}
	return started, nil
}

func stopAll(proxies []*proxy) {
	for _, p := range proxies {
		p.stop()
	}
}

// patience is how long a proxy may take to start, and to stop.
const patience = 10 * time.Second
