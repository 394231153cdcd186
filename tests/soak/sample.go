//go:build linux

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// sampleEvery is the time between two samples.
const sampleEvery = 5 * time.Second

// sample is what an lb holds at one time: the process that serves, and its workers.
type sample struct {
	Time       time.Time
	Generation int           // 0 is the first process
	Age        time.Duration // of the process
	Processes  int
	usage
	Goroutines int // of the process that serves; those of worker processes are dumped at rest
	Actors     int
	InFlight   int
	Clients    int // connections
	Lines      int // connections to backends
}

// others are the descriptors that are no connections.
func (s *sample) others() int { return s.Descriptors - s.Clients - s.Lines }

// take makes a sample now. The figures of the pages and those of the kernel are milliseconds apart, in mode mp up to a
// second: only medians of several are worth to be compared.
func (b *balancer) take() (s sample, err error) {
	s.Time = time.Now()
	state, err := b.status()
	if err != nil {
		return s, err
	}
	pids := []int{state.PID}
	for _, w := range state.Workers {
		if w.PID != 0 && w.PID != state.PID {
			pids = append(pids, w.PID)
		}
	}
	for _, pid := range pids {
		u, err := usageOf(pid)
		if err != nil {
			return s, err
		}
		s.usage.add(u)
	}
	s.Processes, s.InFlight = len(pids), state.Traffic.InFlight
	s.Clients, s.Lines = state.Traffic.Connections, state.lines()
	return s, errors.Join(b.countGoroutines(&s), b.countActors(&s))
}

func (b *balancer) countGoroutines(s *sample) error {
	text, err := b.page("/metrics")
	if err != nil {
		return err
	}
	_, rest, found := bytes.Cut(text, []byte("\ngo_goroutines "))
	number, _, _ := bytes.Cut(rest, []byte("\n"))
	if !found {
		return errors.New("no go_goroutines in /metrics")
	}
	s.Goroutines, err = strconv.Atoi(string(number))
	return err
}

// node is one actor of /tree.
type node struct {
	Name     string
	Degraded bool
	Children []node `json:"children"`
}

func (b *balancer) countActors(s *sample) error {
	text, err := b.page("/tree?format=json")
	if err != nil {
		return err
	}
	var root struct{ Actors []node }
	if err := json.Unmarshal(text, &root); err != nil {
		return err
	}
	s.Actors = count(root.Actors)
	return nil
}

func count(nodes []node) (n int) {
	for _, one := range nodes {
		n += 1 + count(one.Children)
	}
	return n
}

// writeSamples writes the samples of all stands as CSV (RFC 4180); nowhere without a path.
func writeSamples(path string, stands []*stand) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := csv.NewWriter(file)
	w.Write([]string{
		"mode", "second", "generation", "age", "processes", "rss", "pss", "anonymous", "descriptors", "threads",
		"goroutines", "actors", "in_flight", "clients", "lines",
	})
	for _, s := range stands {
		for i := range s.samples {
			w.Write(s.samples[i].record(s.mode, s.began))
		}
	}
	w.Flush()
	return errors.Join(w.Error(), file.Close())
}

func (s *sample) record(mode string, began time.Time) []string {
	record := []string{mode, fmt.Sprintf("%.1f", s.Time.Sub(began).Seconds())}
	for _, value := range []int64{
		int64(s.Generation), int64(s.Age.Seconds()), int64(s.Processes), s.RSS, s.PSS, s.Anon, int64(s.Descriptors),
		int64(s.Threads), int64(s.Goroutines), int64(s.Actors), int64(s.InFlight), int64(s.Clients), int64(s.Lines),
	} {
		record = append(record, strconv.FormatInt(value, 10))
	}
	return record
}
