package actors

import (
	"runtime"
	"strconv"

	"lb/messages"
)

// The metrics of lb. All are sums over the workers and go on through their restarts; the series of a backend end with it.
// No label takes a client's words: methods that are not of the standard are "_OTHER".

// classes are the values of the label class, by status/100.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// usualFailures have series from the beginning, so that their first increase is seen. The others begin when they happen.
var usualFailures = map[messages.Reason]bool{
	messages.ConnectionRefused: true, messages.ConnectionTimeout: true, messages.ConnectionTerminated: true,
	messages.HTTPResponseTimeout: true, messages.HTTPProtocolError: true, messages.HTTPResponseIncomplete: true,
}

// What the metrics take in bytes, by and large: growing there step by step would leave five times as much to be collected.
const (
	fixedText     = 32 << 10
	textOfBackend = 2560
)

// exposeMetrics writes all of them.
func exposeMetrics(p *picture) []byte {
	e := &exposition{text: make([]byte, 0, fixedText+len(p.backends)*textOfBackend)}
	e.traffic(&p.workers.sum)
	e.backendHealth(p.backends)
	e.backendTraffic(p.backends, p.workers.sum.Backends)
	e.backendConnections(p.backends, p.workers.sum.Backends)
	e.itself(p)
	e.text = appendProcess(e.text)
	return e.text
}

// traffic is what clients see.
func (e *exposition) traffic(s *messages.Stats) {
	const requests = "lb_requests_total"
	e.family(requests, counterKind, "Requests that are over, by class of the status sent and by method; none: the client got no answer.")
	for i, method := range messages.Methods() {
		for class, word := range classes {
			e.count(requests, s.Requests[i][class], "class", word, "method", method)
		}
	}
	e.histogram("lb_request_duration_seconds",
		"Time from a request's head to the end of its response. Tunnels are not in it.", &s.Duration)
	e.histogram("lb_response_first_byte_seconds",
		"Time from a request's head to the head of the backend's response.", &s.FirstByte)
	e.gauge("lb_requests_in_flight", "Requests that run now.", float64(s.InFlight))
	e.gauge("lb_client_connections", "Client connections that are open now.", float64(s.Active))
	const connections = "lb_client_connections_total"
	e.family(connections, counterKind, "Client connections, accepted and refused because they could not be served.")
	e.count(connections, s.Accepted-s.Refused, "result", "accepted")
	e.count(connections, s.Refused, "result", "refused")
	e.counter("lb_client_received_bytes_total", "Bytes received from clients.", s.BytesIn)
	e.counter("lb_client_sent_bytes_total", "Bytes sent to clients.", s.BytesOut)
	e.reasons("lb_answers_total", "Responses that lb made itself, by the reason that Proxy-Status names.", &s.Answers)
	e.reasons("lb_responses_cut_total", "Exchanges that ended before their response did, by reason.", &s.Cuts)
}

// reasons is a family with all reasons from the beginning.
func (e *exposition) reasons(name, help string, by *messages.ByReason) {
	e.family(name, counterKind, help)
	for _, reason := range messages.Reasons() {
		e.count(name, by[reason], "reason", reason.String())
	}
}

// backendHealth is what the control plane knows of each backend.
func (e *exposition) backendHealth(backends []messages.BackendStatus) {
	e.eachBackend(backends, "lb_backend_up", gaugeKind, "1 when the backend gets requests.",
		func(name, id string, b *messages.BackendStatus) { e.flag(name, b.State == messages.Up, "backend", id) })
	e.eachBackend(backends, "lb_backend_state", gaugeKind, "1 for the state that the backend is in.",
		func(name, id string, b *messages.BackendStatus) {
			for _, state := range []messages.State{messages.Up, messages.Down, messages.Draining} {
				e.flag(name, b.State == state, "backend", id, "state", state.String())
			}
		})
	e.eachBackend(backends, "lb_backend_weight", gaugeKind, "Weight of the backend that holds now.",
		func(name, id string, b *messages.BackendStatus) {
			e.level(name, float64(b.Backend.Weight), "backend", id)
		})
	e.eachBackend(backends, "lb_backend_state_changes_total", counterKind, "Changes of the backend's state.",
		func(name, id string, b *messages.BackendStatus) { e.count(name, b.Changes, "backend", id) })
	e.eachBackend(backends, "lb_health_checks_total", counterKind, "Probes of the backend.",
		func(name, id string, b *messages.BackendStatus) {
			e.count(name, b.Passed, "backend", id, "result", "passed")
			e.count(name, b.Failed, "backend", id, "result", "failed")
		})
}

func (e *exposition) eachBackend(backends []messages.BackendStatus, name, kind, help string,
	sample func(name, id string, b *messages.BackendStatus),
) {
	e.family(name, kind, help)
	for i := range backends {
		sample(name, backends[i].Backend.ID(), &backends[i])
	}
}

// backendTraffic is what workers made of each backend.
func (e *exposition) backendTraffic(backends []messages.BackendStatus, stats map[string]*messages.BackendStats) {
	each := func(name, kind, help string, sample func(name, id string, s *messages.BackendStats)) {
		e.eachBackend(backends, name, kind, help, func(name, id string, _ *messages.BackendStatus) {
			s := stats[id]
			if s == nil {
				s = &messages.BackendStats{}
			}
			sample(name, id, s)
		})
	}
	each("lb_backend_requests_total", counterKind,
		"Attempts on the backend by class of its response; none: there was none.",
		func(name, id string, s *messages.BackendStats) {
			for class, word := range classes {
				e.count(name, s.Requests[class], "backend", id, "class", word)
			}
		})
	each("lb_backend_requests_in_flight", gaugeKind, "Attempts on the backend that run now.",
		func(name, id string, s *messages.BackendStats) { e.level(name, float64(s.InFlight), "backend", id) })
	each("lb_backend_failures_total", counterKind, "Attempts on the backend that failed, by reason.",
		func(name, id string, s *messages.BackendStats) { e.failures(name, id, &s.Failures) })
	each("lb_retries_total", counterKind, "Attempts on the backend that failed and were followed by another one, by reason.",
		func(name, id string, s *messages.BackendStats) { e.failures(name, id, &s.Retries) })
	each("lb_backend_sent_bytes_total", counterKind, "Bytes sent to the backend.",
		func(name, id string, s *messages.BackendStats) { e.count(name, s.Pool.Sent, "backend", id) })
	each("lb_backend_received_bytes_total", counterKind, "Bytes received from the backend.",
		func(name, id string, s *messages.BackendStats) { e.count(name, s.Pool.Received, "backend", id) })
}

func (e *exposition) failures(name, id string, by *messages.ByReason) {
	for _, reason := range messages.Reasons() {
		if by[reason] > 0 || usualFailures[reason] {
			e.count(name, by[reason], "backend", id, "reason", reason.String())
		}
	}
}

// backendConnections are those of the pools.
func (e *exposition) backendConnections(backends []messages.BackendStatus, stats map[string]*messages.BackendStats) {
	pool := func(id string) (p messages.PoolStats) {
		if s := stats[id]; s != nil {
			p = s.Pool
		}
		return p
	}
	e.eachBackend(backends, "lb_backend_connections", gaugeKind, "Connections to the backend that are open now.",
		func(name, id string, _ *messages.BackendStatus) {
			p := pool(id)
			e.level(name, float64(p.Open-p.Idle), "backend", id, "state", "busy")
			e.level(name, float64(p.Idle), "backend", id, "state", "idle")
		})
	e.eachBackend(backends, "lb_backend_connections_total", counterKind,
		"Connections that attempts on the backend used: begun for it, or kept from an earlier one.",
		func(name, id string, _ *messages.BackendStatus) {
			p := pool(id)
			e.count(name, p.Connects, "backend", id, "use", "new")
			e.count(name, p.Reuses, "backend", id, "use", "reused")
		})
}

// itself is how lb fares.
func (e *exposition) itself(p *picture) {
	const up = "lb_worker_up"
	e.family(up, gaugeKind, "1 when the worker serves and its loop answers.")
	for i := range p.workers.workers {
		e.flag(up, p.workers.workers[i].up, "worker", strconv.Itoa(i))
	}
	e.counter("lb_worker_restarts_total", "Workers that took over from one that had failed.", p.workers.sum.Restarts)
	e.counter("lb_connection_faults_total", "Connections that were closed because their code panicked.", p.workers.sum.Faults)
	e.counter("lb_actor_failures_total", "Failures of actors and goroutines, those that were caught included.", p.failures)
	e.gauge("lb_ready", "1 when new clients may be sent here, as /readyz has it.", boolean(p.readiness.ready))
	const reloads = "lb_config_reloads_total"
	e.family(reloads, counterKind, "Reloads of the configuration: applied, or refused because of an error in it.")
	e.count(reloads, p.config.Applied, "result", "applied")
	e.count(reloads, p.config.Refused, "result", "refused")
	e.gauge("lb_config_last_success_timestamp_seconds", "When the configuration that holds was taken over.",
		seconds(p.config.LastSuccess))
	const upgrades = "lb_upgrades_total"
	e.family(upgrades, counterKind, "Upgrades, those of the processes before this one included, by how they ended.")
	for _, result := range messages.UpgradeResults() {
		e.count(upgrades, p.upgrades[result], "result", string(result))
	}
	e.counter("lb_log_lines_dropped_total", "Log lines that a slow or dead reader of the log did not take.", p.dropped)
	const build = "lb_build_info"
	e.family(build, gaugeKind, "Always 1; the labels say what runs.")
	e.count(build, 1, "version", p.version, "goversion", runtime.Version())
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
