//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// startFigure is how long it takes from exec to the first answer of a backend.
type startFigure struct {
	Proxy string
	Took  []time.Duration
}

// fromStart measures starts, by turns, and the size of lb's binary.
func (b *bench) fromStart(ctx context.Context, r *report) error {
	if b.options.starts == 0 {
		return nil
	}
	fmt.Fprintf(os.Stderr, "%d starts of each\n", b.options.starts)
	for _, name := range b.names {
		r.Starts = append(r.Starts, startFigure{Proxy: name})
	}
	for range b.options.starts {
		for i, name := range b.names {
			took, err := b.timeToAnswer(ctx, name)
			if err != nil {
				return fmt.Errorf("%s, start: %w", name, err)
			}
			r.Starts[i].Took = append(r.Starts[i].Took, took)
		}
	}
	return nil
}

// timeToAnswer starts a proxy and asks until it answers.
func (b *bench) timeToAnswer(ctx context.Context, name string) (time.Duration, error) {
	began := time.Now() // with the millisecond at most that it takes to write a configuration
	p, err := b.execute(ctx, name, plain)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	request := requestOf("/small", p.address)
	buffer := make([]byte, 4096)
	retry := time.NewTicker(time.Millisecond)
	defer retry.Stop()
	for {
		asked := askFirst(p.address, request, buffer)
		if asked == nil {
			return time.Since(began), nil
		}
		select {
		case <-p.ended:
			return 0, fmt.Errorf("ended at once: %s", p.printed())
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-retry.C:
		}
		if time.Since(began) > patience {
			return 0, errors.Join(asked, fmt.Errorf("no answer in %v: %s", patience, p.printed()))
		}
	}
}

func askFirst(address string, request, buffer []byte) error {
	client, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer client.Close()
	return askOnce(client, request, buffer)
}

// startMillis is the median of a proxy's starts; NaN without any.
func (r *report) startMillis(proxy string) float64 {
	var values []float64
	for _, figure := range r.Starts {
		if figure.Proxy != proxy {
			continue
		}
		for _, took := range figure.Took {
			values = append(values, micros(took)/1e3)
		}
	}
	return median(values)
}

func (r *report) printStarts(out io.Writer) {
	if len(r.Starts) == 0 {
		return
	}
	fmt.Fprintf(out, "\nstart: from exec to the first answer, median of %d\n", len(r.Starts[0].Took))
	fmt.Fprintf(out, "%-10s %16s\n", "", "ms")
	for _, figure := range r.Starts {
		fmt.Fprintf(out, "%-10s %16.1f\n", figure.Proxy, r.startMillis(figure.Proxy))
	}
}

// binarySize is 0 where there is no lb.
func binarySize(binary string) int64 {
	info, err := os.Stat(binary)
	if err != nil {
		return 0
	}
	return info.Size()
}
