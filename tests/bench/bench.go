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

	origins map[scheme]origins // running; of plain backends see above
	running map[entrant]*proxy
	started []*proxy // servers of backends, to be stopped at the end
}

// An entrant is a proxy in front of backends of a scheme. One process of each takes all workloads that it can.
type entrant struct {
	name     string
	backends scheme
}

// run measures, prints, and fails when anything went wrong on the way: figures with errors in them are printed, but no
// script should take them for good ones.
func (b *bench) run(ctx context.Context, chosen workloads) error {
	defer b.stopServers()
	r := newReport(b.options)
	if err := b.underLoad(ctx, chosen, r); err != nil {
		return err
	}
	for _, measure := range []func(context.Context, *report) error{b.atRest, b.waiting, b.fromStart} {
		if err := measure(ctx, r); err != nil {
			return err
		}
	}
	r.describe(ctx, b)
	if err := b.publish(r, chosen); err != nil {
		return err
	}
	if len(r.Problems) > 0 {
		return errors.New("not every request was answered, see above")
	}
	return nil
}

func (b *bench) publish(r *report, chosen workloads) error {
	r.print(os.Stdout, chosen, b.names)
	if b.options.out != "" {
		if err := r.write(b.options.out); err != nil {
			return err
		}
	}
	if b.options.markdown != "" {
		return r.intoMarkdown(b.options.markdown, chosen)
	}
	return nil
}

// underLoad takes all rounds. The proxies run all the time: one that is not being measured is idle.
func (b *bench) underLoad(ctx context.Context, chosen workloads, r *report) error {
	defer b.stopProxies()
	for _, w := range chosen {
		if err := b.prepare(ctx, w); err != nil {
			return err
		}
	}
	for round := range b.options.rounds {
		for _, w := range chosen {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, b.options.rounds, w.name)
			entrants := w.entrants(b.names)
			for i := range entrants {
				name := entrants[(i+round)%len(entrants)] // nobody is always the first
				if err := b.measure(ctx, r, entrant{name, w.backends}, w, round); err != nil {
					return fmt.Errorf("%s, %s: %w", name, w.name, err)
				}
			}
		}
		if err := b.atFixedRate(ctx, r, round); err != nil {
			return err
		}
	}
	return nil
}

// prepare starts the proxies of a workload and sends each a request, so that nobody is measured answering something
// else.
func (b *bench) prepare(ctx context.Context, w workload) error {
	for _, name := range w.entrants(b.names) {
		p, err := b.entrant(ctx, entrant{name, w.backends})
		if err != nil {
			return fmt.Errorf("%s, %s: %w", name, w.name, err)
		}
		if err := w.verify(ctx, p.address); err != nil {
			return fmt.Errorf("%s, %s: %w: %s", name, w.name, err, p.printed())
		}
	}
	return nil
}

// entrant starts a proxy when it is wanted first.
func (b *bench) entrant(ctx context.Context, e entrant) (*proxy, error) {
	if p := b.running[e]; p != nil {
		return p, nil
	}
	p, err := b.start(ctx, e.name, e.backends)
	if err == nil {
		b.running[e] = p
	}
	return p, err
}

// measure adds one sample to the report. The first of a proxy is preceded by a second that does not count: it fills the
// pools.
func (b *bench) measure(ctx context.Context, r *report, e entrant, w workload, round int) error {
	p, err := b.entrant(ctx, e)
	if err != nil {
		return err
	}
	if round == 0 {
		if _, err := w.generate(ctx, b.dir, p.address, 1); err != nil {
			return err
		}
	}
	before, err := processTree(p.pid())
	if err != nil {
		return err
	}
	lines := p.linesSoFar()
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
	lines = p.linesSoFar() - lines
	r.add(sample{Workload: w.name, Proxy: p.name, Round: round, CPU: spent, LogLines: lines, load: done})
	return nil
}

func (b *bench) stopProxies() {
	for e, p := range b.running {
		p.stop()
		delete(b.running, e)
	}
}

// stopServers stops backends.
func (b *bench) stopServers() {
	for _, p := range b.started {
		p.stop()
	}
}

// patience is how long a proxy may take to start, and to stop.
const patience = 10 * time.Second
