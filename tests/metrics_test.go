package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// scrape is what one GET of /metrics brought: values by series, as written, and kinds by family.
type scrape struct {
	values map[string]float64
	kinds  map[string]string
	text   string
}

func (b *balancer) scrape(t *testing.T) scrape {
	t.Helper()
	m := b.get(t, "/metrics")
	if m.status() != 200 {
		t.Fatalf("/metrics: %s %s", m.start, m.body)
	}
	return readScrape(t, string(m.body))
}

func readScrape(t *testing.T, text string) scrape {
	t.Helper()
	s := scrape{values: map[string]float64{}, kinds: map[string]string{}, text: text}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "# TYPE "):
			s.kinds[words[2]] = words[3]
		case !strings.HasPrefix(line, "#"):
			series, number, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			value, err := strconv.ParseFloat(number, 64)
			if _, twice := s.values[series]; err != nil || twice {
				t.Errorf("not one sample of its series: %q", line)
			}
			s.values[series] = value
		}
	}
	return s
}

// sum is over all series of a name that have the label pairs, such as `class="2xx"`.
func (s scrape) sum(name string, pairs ...string) (sum float64) {
	for series, value := range s.values {
		own, labels, _ := strings.Cut(series, "{")
		matching := own == name
		for _, pair := range pairs {
			matching = matching && strings.Contains(labels, pair)
		}
		if matching {
			sum += value
		}
	}
	return sum
}

// expect fails the test unless the sum over matching series has grown by so much.
func (s scrape) expect(t *testing.T, before scrape, grown float64, name string, pairs ...string) {
	t.Helper()
	if got := s.sum(name, pairs...) - before.sum(name, pairs...); got != grown {
		t.Errorf("%s%v grew by %v, want %v", name, pairs, got, grown)
	}
}

// counts reports whether a series only grows.
func (s scrape) counts(series string) bool {
	name, _, _ := strings.Cut(series, "{")
	for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
		family, _ := strings.CutSuffix(name, suffix)
		if kind := s.kinds[family]; kind == "counter" || kind == "histogram" {
			return true
		}
	}
	return false
}

func TestMetricsCountAKnownLoad(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	one, two := startBackend(t, serve(ok)), startBackend(t, serve(notFound))
	b := start(t, settings{backends: []string{one.addr, two.addr}, workers: 2})
	before := b.scrape(t)
	for range 10 {
		c := b.dial(t)
		c.roundTrip("GET", "/")
		c.roundTrip("GET", "/")
		c.roundTrip("BREW", "/")
		c.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello")
		c.response("POST")
		c.Close()
	}
	b.get(t, "/", "Content-Length: 1, 2").expect(t, 400, "400 http_request_error: content-length is not a number\n")
	after := b.scrape(t)
	for _, want := range []struct {
		grown float64
		name  string
		pairs []string
	}{
		{20, "lb_requests_total", []string{`method="GET"`}},
		{10, "lb_requests_total", []string{`method="POST"`}},
		{11, "lb_requests_total", []string{`method="_OTHER"`}}, // the malformed one, too: nobody knows its method
		{20, "lb_requests_total", []string{`class="2xx"`}},
		{21, "lb_requests_total", []string{`class="4xx"`}},
		{41, "lb_request_duration_seconds_count", nil},
		{40, "lb_response_first_byte_seconds_count", nil},
		{20, "lb_backend_requests_total", []string{`backend="` + one.addr + `"`, `class="2xx"`}},
		{20, "lb_backend_requests_total", []string{`backend="` + two.addr + `"`, `class="4xx"`}},
		{40, "lb_backend_connections_total", nil},
		{1, "lb_answers_total", nil},
		{1, "lb_answers_total", []string{`reason="http_request_error"`}},
		{0, "lb_requests_in_flight", nil},
		{0, "lb_backend_requests_in_flight", nil},
		{0, "lb_backend_failures_total", nil},
	} {
		after.expect(t, before, want.grown, want.name, want.pairs...)
	}
	if in := after.sum("lb_client_received_bytes_total"); in < 40*20 || after.sum("lb_client_sent_bytes_total") < 40*20 {
		t.Errorf("only %v bytes came from clients", in)
	}
	if strings.Contains(after.text, "BREW") || strings.Contains(after.text, "vmrange") {
		t.Error("a client's word, or a bucket that Prometheus cannot read, is in the metrics")
	}
}

func notFound(v *visit, _ *message) bool {
	v.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	return true
}

func TestMetricsNameTheReasonOfFailures(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	dead := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	b := start(t, settings{backends: []string{dead}})
	before := b.scrape(t)
	m := b.get(t, "/")
	if status, _ := m.field("Proxy-Status"); m.status() != 502 || !strings.Contains(status, "error=connection_refused") {
		t.Errorf("%s, Proxy-Status %q", m.start, status)
	}
	after := b.scrape(t)
	after.expect(t, before, 1, "lb_answers_total", `reason="connection_refused"`)
	failures := after.sum("lb_backend_failures_total", `reason="connection_refused"`, `backend="`+dead+`"`)
	retries := after.sum("lb_retries_total", `reason="connection_refused"`, `backend="`+dead+`"`)
	if failures < 1 || retries != failures-1 {
		t.Errorf("%v failures and %v retries of one request", failures, retries)
	}
	b.says(t, `"error":"connection_refused"`)
	b.says(t, fmt.Sprintf(`"bytes_out":%d,`, len(m.body)))
}

// Counters never fall, whatever becomes of the worker that counted.
func TestMetricsGoOnThroughAWorkersRestart(t *testing.T) {
	t.Parallel()
	b := startFaulty(t, 2)
	for range 20 {
		b.get(t, "/").expect(t, 200, "ok")
	}
	before := b.scrape(t)
	for range 3 {
		b.dial(t).crash("worker")
	}
	if !eventually(func() bool { return b.scrape(t).sum("lb_worker_restarts_total") == 3 }, b.exited) {
		t.Fatalf("restarts: %v, want 3", b.scrape(t).sum("lb_worker_restarts_total"))
	}
	for range 20 {
		b.get(t, "/").expect(t, 200, "ok")
	}
	after := b.scrape(t)
	after.expect(t, before, 20, "lb_requests_total", `method="GET"`)
	after.expect(t, before, 3, "lb_connection_faults_total")
	for series, value := range before.values {
		if now, there := after.values[series]; before.counts(series) && (!there || now < value) {
			t.Errorf("%s fell from %v to %v", series, value, now)
		}
	}
	if up := after.sum("lb_worker_up"); up != 2 {
		t.Errorf("%v workers up, want 2", up)
	}
}

func TestMetricsPleasePromtool(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	promtool := need(t, "promtool")
	back := startBackend(t, serve(ok))
	b := start(t, settings{backends: []string{back.addr, "[::1]:1"}, workers: 2, health: true})
	b.get(t, "/")
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(b.scrape(t).text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// The README lists each family of ours; -update rewrites the list.
func TestReadmeListsTheMetrics(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	b := start(t, settings{backends: []string{startBackend(t, serve(ok)).addr}})
	want := "<!-- metrics -->\n| metric | |\n|---|---|\n"
	for line := range strings.Lines(b.scrape(t).text) {
		if help, found := strings.CutPrefix(line, "# HELP lb_"); found {
			name, text, _ := strings.Cut(strings.TrimSuffix(help, "\n"), " ")
			want += "| `lb_" + name + "` | " + text + " |\n"
		}
	}
	want += "<!-- /metrics -->"
	text := read(t, readme)
	got := regexp.MustCompile(`(?s)<!-- metrics -->.*<!-- /metrics -->`).FindString(text)
	if got == want {
		return
	}
	if !*update || got == "" {
		t.Fatal("README.md does not list the metrics: go test ./tests -run Readme -update")
	}
	if err := os.WriteFile(readme, []byte(strings.Replace(text, got, want, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// An answer that is larger than what a client takes at once waits for it.
func TestMetricsOfManyBackendsReachASlowClient(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	var backends []string
	for i := range 1000 {
		backends = append(backends, fmt.Sprintf("127.0.%d.%d:9", 1+i/200, 1+i%200))
	}
	b := start(t, settings{backends: backends, workers: 2})
	c := b.dial(t)
	c.SetReadBuffer(64 << 10)
	c.send(head("GET", "/metrics"))
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || int64(len(body)) != response.ContentLength {
		t.Fatalf("%d bytes of %d: %v", len(body), response.ContentLength, err)
	}
	if got := readScrape(t, string(body)).sum("lb_backend_weight"); got != 1000 {
		t.Errorf("weights of %v backends, want 1000", got)
	}
	if c.roundTrip("GET", "/metrics").status() != 200 {
		t.Error("the connection did not go on")
	}
}

// Prometheus reads quantiles out of the buckets.
func TestPrometheusComputesQuantiles(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	prometheus := need(t, "prometheus")
	back := startBackend(t, serve(func(v *visit, m *message) bool {
		pause := time.NewTimer(60 * time.Millisecond) // what is measured
		<-pause.C
		return ok(v, m)
	}))
	b := start(t, settings{backends: []string{back.addr}, workers: 2})
	var load sync.WaitGroup
	for range 10 {
		load.Go(func() { b.get(t, "/") })
	}
	load.Wait()
	api := startPrometheus(t, prometheus, b.addr)
	quantile := `histogram_quantile(0.5, sum by (le) (lb_request_duration_seconds_bucket))`
	if !eventually(func() bool { _, err := query(api, quantile); return err == nil }, nil) {
		_, err := query(api, quantile)
		t.Fatal(err)
	}
	if got, _ := query(api, quantile); got <= 0.05 || got > 0.1 {
		t.Errorf("median %v s of requests that take 60 ms, want one between the bounds 0.05 and 0.1", got)
	}
}

func startPrometheus(t *testing.T, path, target string) (api string) {
	t.Helper()
	config := configFile(t, "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: lb\n  static_configs:\n  - targets: ['"+
		target+"']\n")
	api = net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	cmd := exec.Command(path, "--config.file", config, "--storage.tsdb.path", t.TempDir(), "--web.listen-address", api)
	var output record
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	return api
}

// query evaluates an expression that has one value.
func query(api, expression string) (float64, error) {
	response, err := http.Get("http://" + api + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	var body bytes.Buffer
	if err := json.NewDecoder(io.TeeReader(response.Body, &body)).Decode(&answer); err != nil {
		return 0, err
	}
	if len(answer.Data.Result) != 1 {
		return 0, fmt.Errorf("no value yet: %s", body.String())
	}
	return strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
}
