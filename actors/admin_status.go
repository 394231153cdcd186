package actors

import (
	"math"
	"os"
	"runtime"
	"time"

	"lb/messages"
)

// statusVersion is the version of the form of /status and /tree. It changes when a field changes its meaning or goes.
const statusVersion = 1

// status is the form of /status. Times are of RFC 3339, durations are in seconds.
type status struct {
	Version  int             `json:"version"`
	LB       string          `json:"lb"`
	Go       string          `json:"go"`
	PID      int             `json:"pid"`
	Started  time.Time       `json:"started"`
	Uptime   float64         `json:"uptime_seconds"`
	Ready    bool            `json:"ready"`
	Reason   string          `json:"reason,omitempty"` // why not ready
	Draining bool            `json:"draining"`
	Config   configStatus    `json:"config"`
	Traffic  trafficStatus   `json:"traffic"`
	Workers  []workerStatus  `json:"workers"`
	Backends []backendStatus `json:"backends"`
}

type configStatus struct {
	File        string    `json:"file,omitempty"`
	Generation  uint64    `json:"generation"`
	Strategy    string    `json:"strategy,omitempty"`
	Applied     uint64    `json:"reloads_applied"`
	Refused     uint64    `json:"reloads_refused"`
	LastSuccess time.Time `json:"last_success"`
	LastError   string    `json:"last_error,omitempty"`
}

type trafficStatus struct {
	Requests    uint64 `json:"requests"`
	InFlight    int64  `json:"in_flight"`
	Connections int64  `json:"connections"`
	Accepted    uint64 `json:"accepted"`
	Retries     uint64 `json:"retries"`
	BytesIn     uint64 `json:"bytes_in"`
	BytesOut    uint64 `json:"bytes_out"`
}

type workerStatus struct {
	Number   int    `json:"number"`
	State    string `json:"state"`
	Up       bool   `json:"up"`
	PID      int    `json:"pid,omitempty"` // of its own process
	Restarts uint64 `json:"restarts"`
	Faults   uint64 `json:"connection_faults"`
	trafficStatus
}

type backendStatus struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	Since     time.Time `json:"since,omitzero"`
	Why       string    `json:"why,omitempty"`
	Addresses []string  `json:"addresses"`
	Weight    int       `json:"weight"`
	Share     int       `json:"share_percent"`
	Passed    uint64    `json:"probes_passed"`
	Failed    uint64    `json:"probes_failed"`
	Requests  uint64    `json:"requests"`
	Failures  uint64    `json:"failures"`
	Retries   uint64    `json:"retries"`
	InFlight  int64     `json:"in_flight"`
	Open      int64     `json:"connections"`
	Idle      int64     `json:"connections_idle"`
}

func statusOf(p *picture) *status {
	s := &status{
		Version: statusVersion, LB: p.version, Go: runtime.Version(), PID: os.Getpid(),
		Started: p.started.UTC(), Uptime: roundSeconds(p.now.Sub(p.started)),
		Ready: p.readiness.ready, Reason: p.readiness.reason, Draining: p.workers.draining,
		Config: configStatus{
			File: p.config.File, Generation: p.config.Generation, Applied: p.config.Applied, Refused: p.config.Refused,
			LastSuccess: p.config.LastSuccess.UTC(), LastError: p.config.LastError,
		},
		Traffic: trafficOf(&p.workers.sum),
	}
	if p.workers.snapshot != nil {
		s.Config.Strategy = p.workers.snapshot.Config.Strategy.String()
	}
	for i := range p.workers.workers {
		w := &p.workers.workers[i]
		s.Workers = append(s.Workers, workerStatus{
			Number: i, State: w.state, Up: w.up, PID: w.pid, Restarts: w.stats.Restarts, Faults: w.stats.Faults,
			trafficStatus: trafficOf(&w.stats),
		})
	}
	for i := range p.backends {
		s.Backends = append(s.Backends, backendOf(&p.backends[i], p.workers.sum.Backends))
	}
	return s
}

func trafficOf(s *messages.Stats) trafficStatus {
	return trafficStatus{
		Requests: s.Total(), InFlight: s.InFlight, Connections: s.Active, Accepted: s.Accepted, Retries: s.Retries,
		BytesIn: s.BytesIn, BytesOut: s.BytesOut,
	}
}

func backendOf(b *messages.BackendStatus, stats map[string]*messages.BackendStats) backendStatus {
	out := backendStatus{
		ID: b.Backend.ID(), State: b.State.String(), Since: b.Since.UTC(), Why: b.Why, Addresses: []string{},
		Weight: b.Backend.Weight, Share: b.Share, Passed: b.Passed, Failed: b.Failed,
	}
	if b.Since.IsZero() {
		out.Since = time.Time{}
	}
	if out.Share == 0 {
		out.Share = 100
	}
	for _, address := range b.Addresses {
		out.Addresses = append(out.Addresses, address.String())
	}
	if s := stats[out.ID]; s != nil {
		out.Requests, out.Failures, out.Retries = s.Requests.Total(), s.Failures.Total(), s.Retries.Total()
		out.InFlight, out.Open, out.Idle = s.InFlight, s.Pool.Open, s.Pool.Idle
	}
	return out
}

func roundSeconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
