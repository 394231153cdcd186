//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"
)

// stand is one lb with its backends and its load.
type stand struct {
	options
	mode    string
	dir     string
	random  *rand.Rand // of faults
	origins []*origin  // those of the configuration file
	guest   *origin    // comes and goes
	fixed   *origin    // HTTP/2 in clear text, which only a flag can ask for
	picture picture    // what the configuration file says
	lb      *balancer
	tally   *tally

	began         time.Time // of the load
	length        time.Duration
	before, after rest // of the load

	mu         sync.Mutex
	generation int
	since      time.Time // when the present process began to serve
	samples    []sample
	missed     int           // samples that could not be taken
	starved    time.Duration // for which this process had no CPU
	events     []string
	findings   []string
}

func newStand(o options, mode, dir string, seed uint64) (*stand, error) {
	s := &stand{options: o, mode: mode, dir: dir, random: rand.New(rand.NewPCG(seed, 9)), tally: newTally()}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := s.startOrigins(); err != nil {
		return nil, err
	}
	s.picture = pictureOf(s.origins)
	if err := os.WriteFile(s.path("config"), []byte(s.picture.text()), 0o600); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *stand) path(name string) string { return s.dir + "/" + name }

// startOrigins starts one of each kind.
func (s *stand) startOrigins() error {
	certificate, err := certify(s.path("authority"))
	if err != nil {
		return err
	}
	var one, both, clear http.Protocols
	one.SetHTTP1(true)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	clear.SetUnencryptedHTTP2(true)
	start := func(o *origin, p *http.Protocols, c *tls.Certificate) *origin {
		if err == nil {
			err = startOrigin(o, p, c)
		}
		return o
	}
	s.origins = []*origin{
		start(&origin{name: "h1", host: "127.0.0.1"}, &one, nil),
		start(&origin{name: "h1 by name, slow", host: "localhost", pause: 3 * time.Millisecond}, &one, nil),
		start(&origin{name: "h1 over TLS", host: "127.0.0.1"}, &one, certificate),
		start(&origin{name: "h2 over TLS", host: "localhost"}, &both, certificate),
	}
	s.fixed = start(&origin{name: "h2c", host: "127.0.0.1"}, &clear, nil)
	s.guest = start(&origin{name: "guest", host: "127.0.0.1"}, &one, nil)
	return err
}

// run is the whole course: rest, load with faults, rest, end.
func (s *stand) run(ctx context.Context, length time.Duration) (err error) {
	s.length = length
	s.lb, err = startBalancer(s.options.lb, s.mode, s.dir, "--ca-file", s.path("authority"),
		"-b", fmt.Sprintf("h2c://127.0.0.1:%d", s.fixed.port))
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.text("stderr")+s.text("log"))
	}
	s.since = time.Now()
	if err := s.lb.await("to see all backends up", s.settled); err != nil {
		return err
	}
	if err := s.rehearse(); err != nil {
		return err
	}
	if s.before, err = s.measureRest(); err != nil {
		return err
	}
	s.underLoad(ctx)
	if s.after, err = s.measureRest(); err != nil {
		return err
	}
	if err := s.lb.stop(); err != nil {
		return err
	}
	s.judge()
	return ctx.Err()
}

func (s *stand) settled() bool {
	state, err := s.lb.status()
	return err == nil && state.allUp()
}

// rehearse runs each kind of request, so that whatever is made at first use is there when the rest is measured.
func (s *stand) rehearse() error {
	l := newLoad(s.lb.addr, s.rate, s.seed, newTally())
	for i := range kinds {
		for range 3 {
			l.begin(&kinds[i], l.random.Uint64())
		}
	}
	l.stop()
	if n := l.tally.unexplained(); n > 0 {
		return fmt.Errorf("%d requests failed before anything was wrong: %q", n, l.tally.samples)
	}
	return nil
}

// underLoad runs the load, the samples and the faults for as long as is wanted.
func (s *stand) underLoad(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.length)
	defer cancel()
	s.began = time.Now()
	l := newLoad(s.lb.addr, s.rate, s.random.Uint64(), s.tally)
	l.start()
	var running sync.WaitGroup
	running.Go(func() { s.observe(ctx) })
	running.Go(func() { s.torment(ctx) })
	running.Go(func() { s.feelPulse(ctx) })
	running.Wait()
	l.stop()
}

// observe takes samples until the end.
func (s *stand) observe(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		one, err := s.lb.take()
		s.mu.Lock()
		if err != nil { // a process has just gone
			s.missed++
		} else {
			one.Generation, one.Age = s.generation, one.Time.Sub(s.since)
			s.samples = append(s.samples, one)
		}
		s.mu.Unlock()
	}
}

// tell notes what was done, for the report.
func (s *stand) tell(format string, words ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, words...))
}

// find notes a finding.
func (s *stand) find(format string, words ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.findings = append(s.findings, fmt.Sprintf(format, words...))
}

func (s *stand) text(name string) string {
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// close ends whatever the stand has started.
func (s *stand) close() {
	if s.lb != nil {
		s.lb.kill()
	}
	for _, o := range append(s.origins, s.fixed, s.guest) {
		o.cast(healthy)
		o.server.Close()
		o.stop()
	}
}
