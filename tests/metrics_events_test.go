package tests

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// All that can happen to a balancer is seen in its metrics: restarts, faults, reloads good and bad, probes, failures, retries,
// reuse. A series that is there and never moves would tell nothing.
func TestMetricsTellOfEachEvent(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	good, dead := startReplica(t), refusing(t)
	config := fileConfig{
		Backends: listed(t, good.addr, dead), Health: map[string]any{"path": healthPath, "interval": "500ms", "fall": 0},
	}
	file := newLiveFile(t, config.String())
	admin, args := adminArgs(t)
	l := &lookout{file.follow(settings{workers: 2, health: true, faulty: true, args: args}), admin}
	figures := func() scrape { _, text := page(t, admin, "/metrics"); return readScrape(t, text) }
	began := figures().sum("lb_config_last_success_timestamp_seconds")
	l.storm(t, 60)
	c := l.dial(t)
	c.roundTrip("GET", "/")
	c.crash("connection")
	l.dial(t).crash("worker")
	l.fail(t, "backends/backend/"+good.addr)
	config.Backends[0].Weight = 3
	file.write(config.String())
	l.await(t, "a reload", func(c configState) bool { return c.Applied == 1 })
	file.write("{")
	l.await(t, "a bad reload", func(c configState) bool { return c.Refused == 1 })

	events := []struct {
		least float64
		name  string
		pairs []string
	}{
		{61, "lb_requests_total", []string{`class="2xx"`, `method="GET"`}},
		{61, "lb_request_duration_seconds_count", nil},
		{61, "lb_response_first_byte_seconds_count", nil},
		{61, "lb_client_connections_total", []string{`result="accepted"`}},
		{1, "lb_worker_restarts_total", nil},
		{2, "lb_connection_faults_total", nil},
		{1, "lb_actor_failures_total", nil},
		{1, "lb_config_reloads_total", []string{`result="applied"`}},
		{1, "lb_config_reloads_total", []string{`result="refused"`}},
		{began, "lb_config_last_success_timestamp_seconds", nil},
		{1, "lb_health_checks_total", []string{`backend="` + good.addr + `"`, `result="passed"`}},
		{1, "lb_health_checks_total", []string{`backend="` + dead + `"`, `result="failed"`}},
		{1, "lb_backend_failures_total", []string{`backend="` + dead + `"`, `reason="connection_refused"`}},
		{1, "lb_retries_total", []string{`backend="` + dead + `"`, `reason="connection_refused"`}},
		{1, "lb_backend_requests_total", []string{`backend="` + dead + `"`, `class="none"`}},
		{61, "lb_backend_requests_total", []string{`backend="` + good.addr + `"`, `class="2xx"`}},
		{1, "lb_backend_connections_total", []string{`backend="` + good.addr + `"`, `use="new"`}},
		{1, "lb_backend_connections_total", []string{`backend="` + good.addr + `"`, `use="reused"`}},
		{1, "lb_backend_sent_bytes_total", []string{`backend="` + good.addr + `"`}},
		{1, "lb_backend_received_bytes_total", []string{`backend="` + good.addr + `"`}},
		{3, "lb_backend_weight", []string{`backend="` + good.addr + `"`}},
		{2, "lb_backend_up", nil},
		{2, "lb_backend_state", []string{`state="up"`}},
		{2, "lb_worker_up", nil},
		{1, "lb_ready", nil},
		{1, "lb_build_info", []string{`version="`, `goversion="go`}},
		{1, "process_resident_memory_bytes", nil},
		{1, "process_open_fds", nil},
		{1, "process_start_time_seconds", nil},
		{1, "go_goroutines", nil},
	}
	var s scrape
	missing := func() (names []string) {
		s = figures()
		for _, e := range events {
			if s.sum(e.name, e.pairs...) < e.least {
				names = append(names, e.name+strings.Join(e.pairs, ","))
			}
		}
		return names
	}
	if !eventually(func() bool { return len(missing()) == 0 }, l.exited) {
		t.Errorf("too low: %q", missing())
	}
	if now := s.sum("lb_config_last_success_timestamp_seconds"); now <= began || now > float64(time.Now().UnixMilli())/1e3 {
		t.Errorf("the last reload was at %v, the start at %v", now, began)
	}
}

// Nobody reads the log. Requests are answered all the same, and the lines that are lost are counted.
func TestMetricsCountLostLogLines(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	path, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	unread, log, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	port := freePort(t)
	s := settings{backends: []string{startReplica(t).addr}, args: []string{"--access-log", "on"}}
	b := &balancer{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), exited: make(chan struct{})}
	b.cmd = exec.Command(path, s.flags(port)...)
	b.cmd.Stdout = log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	go func() { b.err = b.cmd.Wait(); close(b.exited) }()
	defer b.kill()
	if !b.listening() {
		t.Fatal("the balancer does not listen")
	}
	lost := func() float64 { return b.scrape(t).sum("lb_log_lines_dropped_total") }
	if !eventually(func() bool { b.storm(t, 300); return lost() > 0 }, b.exited) {
		t.Fatal("no line is lost")
	}
	before := lost()
	b.storm(t, 60)
	if after := lost(); after < before+60 {
		t.Errorf("%v lines lost, then %v, 60 requests later", before, after)
	}
	b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.exited:
	case <-time.After(patience):
		t.Error("it does not end while nobody reads its log")
	}
}
