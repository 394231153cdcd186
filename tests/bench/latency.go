//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// direct is who is asked to know what the generator and a backend take by themselves.
const direct = "direct"

// rateConnections are as many as wrk has at small-64.
const rateConnections = 64

// latencyFigure is what requests took at a fixed rate, from the moment that they were due.
type latencyFigure struct {
	Proxy string
	Round int
	latency
}

// atFixedRate adds a round of latencies: below saturation, where a proxy is most of the time, and where the time that
// it adds is its own.
func (b *bench) atFixedRate(ctx context.Context, r *report, round int) error {
	if b.options.rate == 0 {
		return nil
	}
	fmt.Fprintf(os.Stderr, "round %d of %d: %d requests/s\n", round+1, b.options.rounds, b.options.rate)
	asked := append([]string{direct}, b.names...)
	for i := range len(asked) * b.options.seconds {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.oneSecond(ctx, r, asked[(i+round)%len(asked)], round)
	}
	return nil
}

// oneSecond adds a latency of a second: many short ones, in turns, since what disturbs the machine for a moment makes the
// tail of one then, and not that of a proxy.
func (b *bench) oneSecond(ctx context.Context, r *report, name string, round int) {
	took, err := b.latencyOf(ctx, name)
	if err != nil {
		problem := fmt.Sprintf("%s, %d requests/s, round %d: %v", name, b.options.rate, round+1, err)
		r.Problems = append(r.Problems, problem)
		return
	}
	r.Latency = append(r.Latency, latencyFigure{name, round, took})
}

func (b *bench) latencyOf(ctx context.Context, name string) (latency, error) {
	address := b.backends.addresses[0]
	if name != direct {
		p, err := b.entrant(ctx, entrant{name, plain})
		if err != nil {
			return latency{}, err
		}
		address = p.address
	}
	request := requestOf("/small", address)
	if _, err := newOpenLoop(b.options.rate, time.Second/4, request).at(address, rateConnections); err != nil {
		return latency{}, err // pools are filled now
	}
	return newOpenLoop(b.options.rate, time.Second, request).at(address, rateConnections)
}

// latencyIn is the median over the seconds of what a quantile picks, in µs; NaN without any.
func (r *report) latencyIn(proxy string, pick func(latency) time.Duration) float64 {
	var values []float64
	for _, figure := range r.Latency {
		if figure.Proxy == proxy {
			values = append(values, micros(pick(figure.latency)))
		}
	}
	return median(values)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// quantiles are those that are shown.
var quantiles = []struct {
	name string
	pick func(latency) time.Duration
}{
	{"p50", func(l latency) time.Duration { return l.P50 }},
	{"p99", func(l latency) time.Duration { return l.P99 }},
	{"p99.9", func(l latency) time.Duration { return l.P999 }},
}

// added is how much longer than directly it takes by way of a proxy, in µs.
func (r *report) added(proxy string, pick func(latency) time.Duration) float64 {
	return r.latencyIn(proxy, pick) - r.latencyIn(direct, pick)
}

func (r *report) printLatency(out io.Writer, names []string) {
	if len(r.Latency) == 0 {
		return
	}
	fmt.Fprintf(out, "\nlatency: µs at %d requests/s over %d connections, from when each was due; +: the proxy's part\n",
		r.Rate, rateConnections)
	fmt.Fprintf(out, "%-10s", "")
	for _, q := range quantiles {
		fmt.Fprintf(out, " %9s %9s", q.name, "+")
	}
	fmt.Fprintf(out, "\n%-10s", direct)
	for _, q := range quantiles {
		fmt.Fprintf(out, " %9.0f %9s", r.latencyIn(direct, q.pick), "")
	}
	for _, name := range names {
		fmt.Fprintf(out, "\n%-10s", name)
		for _, q := range quantiles {
			fmt.Fprintf(out, " %9.0f %9.0f", r.latencyIn(name, q.pick), r.added(name, q.pick))
		}
	}
	fmt.Fprintln(out)
}
