//go:build linux

package main

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite testdata")

// sampleReport has three rounds of three workloads; 1,000 requests in a second, so that µs per request are CPU in ms.
func sampleReport() *report {
	r := &report{CPUs: 2, Workers: 1, Mode: "sp", Seconds: 1, Rate: 5000}
	costs := map[string][]int{"lb": {15, 17, 16}, "nginx": {20, 19, 30}, "haproxy": {25, 21, 22}}
	for _, workload := range []string{"small-64", "connect", "download"} {
		for proxy, rounds := range costs {
			for round, cost := range rounds {
				r.add(sample{
					Workload: workload, Proxy: proxy, Round: round, CPU: time.Duration(cost) * time.Millisecond,
					load: load{Requests: 1000, Elapsed: time.Second, P99: 2500 * time.Microsecond},
				})
			}
		}
	}
	r.Idle = []memoryFigure{{Proxy: "lb", Connections: 5000, BytesEach: 700.4}, {"nginx", 5000, 599.6}}
	r.Active = []memoryFigure{{Proxy: "lb", Connections: 2000, BytesEach: 1800}, {"haproxy", 2000, 4600}}
	addSpecial(r)
	return r
}

// addSpecial adds what is measured beside the workloads that compare proxies: a log of 1.5 µs and 2 µs, latencies,
// starts.
func addSpecial(r *report) {
	for proxy, cost := range map[string]time.Duration{"lb": 12000, lbLogNull: 13500, lbLogPipe: 14000} {
		s := sample{Workload: "access-log", Proxy: proxy, CPU: cost * time.Microsecond}
		s.load = load{Requests: 1000, Elapsed: time.Second}
		if proxy == lbLogPipe {
			s.LogLines = 999
		}
		r.add(s)
	}
	for i, proxy := range []string{direct, "lb", "nginx", "haproxy"} {
		took := time.Duration(80+20*i) * time.Microsecond
		r.Latency = append(r.Latency, latencyFigure{proxy, 0, latency{took, 2 * took, 3 * took}})
	}
	r.Starts = []startFigure{{"lb", []time.Duration{20 * time.Millisecond, 10 * time.Millisecond}}}
	r.Machine, r.Versions, r.BinaryBytes = "some CPU, Linux 6", []string{"lb v1", "nginx 1.22.1"}, 14_900_000
}

func TestReportIsPrinted(t *testing.T) {
	r := sampleReport()
	r.add(sample{Workload: "connect", Proxy: "lb", load: load{Requests: 1, Failed: failures{Read: 3}}})
	var got strings.Builder
	r.print(&got, choose(t, "small-64,download,access-log"), []string{"lb", "nginx", "haproxy"})
	compare(t, "report.txt", got.String())
}

func choose(t *testing.T, list string) workloads {
	t.Helper()
	chosen, err := allWorkloads.choose(list)
	if err != nil {
		t.Fatal(err)
	}
	return chosen
}

// compare compares with a file of testdata, or rewrites it.
func compare(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant (go test ./tests/bench -update):\n%s", got, want)
	}
}

func TestRatioIsAgainstTheBetterPeer(t *testing.T) {
	r := sampleReport()
	got, ok := r.against("small-64", []string{"lb", "nginx", "haproxy"})
	want := ratio{peer: "nginx", value: 16.0 / 20, low: 16.0 / 30, high: 17.0 / 19}
	if !ok || got != want {
		t.Errorf("got %+v, %v; want %+v", got, ok, want)
	}
	if got, _ := r.against("small-64", []string{"haproxy", "lb"}); got.peer != "haproxy" || got.value != 16.0/22 {
		t.Errorf("without nginx: got %+v, want %v of haproxy", got, 16.0/22)
	}
}

func TestRatioNeedsTwo(t *testing.T) {
	f := func(workload string, names ...string) {
		t.Helper()
		if got, ok := sampleReport().against(workload, names); ok {
			t.Errorf("%s, %v: got %+v, want none", workload, names, got)
		}
	}
	f("small-64", "lb")
	f("small-512", "lb", "nginx")
	r := sampleReport()
	r.Samples = nil
	r.add(sample{Workload: "small-64", Proxy: "nginx", CPU: 1, load: load{Requests: 1}})
	if got, ok := r.against("small-64", []string{"nginx", "haproxy"}); ok {
		t.Errorf("without lb: got %+v, want none", got)
	}
}

func TestMedian(t *testing.T) {
	f := func(want float64, values ...float64) {
		t.Helper()
		if got := median(values); got != want {
			t.Errorf("%v: got %v, want %v", values, got, want)
		}
	}
	f(3, 3)
	f(2.5, 4, 1, 3, 2)
	f(5, 9, 1, 5)
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("of nothing: got %v, want NaN", got)
	}
}

func TestReportIsWrittenAsJSON(t *testing.T) {
	r := sampleReport()
	name := filepath.Join(t.TempDir(), "figures.json")
	if err := r.write(name); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, r) {
		t.Errorf("read back %+v, wrote %+v", got, *r)
	}
}

func TestSummaryOfTheLoadGenerator(t *testing.T) {
	const output = "Running 2s test\n  2 threads\nbench-summary 131072 90000000 2001000 1700 0 1 2 3 4\n"
	got, err := parseSummary(output)
	want := load{
		Requests: 131072, Bytes: 90000000, Elapsed: 2001 * time.Millisecond, P99: 1700 * time.Microsecond,
		Failed: failures{Read: 1, Write: 2, Timeout: 3, Status: 4},
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, broken := range []string{"", "bench-summary 1 2", "bench-summary 0 0 2001000 0 0 0 0 0 0"} {
		if got, err := parseSummary(broken); err == nil {
			t.Errorf("%q: got %+v, want an error", broken, got)
		}
	}
}
