package actors

import (
	"testing"
	"time"

	"lb/messages"
)

func TestExpositionEscapesLabels(t *testing.T) {
	var e exposition
	e.count("lb_x_total", 3, "backend", "a\\b\"c\nd", "reason", "r")
	e.level("lb_y", 0.5)
	if got, want := string(e.text), `lb_x_total{backend="a\\b\"c\nd",reason="r"} 3`+"\nlb_y 0.5\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Each bucket counts all durations up to its bound.
func TestExpositionOfAHistogram(t *testing.T) {
	var h messages.Histogram
	for _, d := range []time.Duration{time.Microsecond, time.Millisecond, 2 * time.Minute} {
		h.Observe(d)
	}
	var e exposition
	e.histogram("lb_x_seconds", "Help.", &h)
	want := "# HELP lb_x_seconds Help.\n# TYPE lb_x_seconds histogram\n"
	for _, bucket := range []string{
		`0.0005"} 1`, `0.001"} 2`, `0.0025"} 2`, `0.005"} 2`, `0.01"} 2`, `0.025"} 2`, `0.05"} 2`, `0.1"} 2`, `0.25"} 2`, `0.5"} 2`,
		`1"} 2`, `2.5"} 2`, `5"} 2`, `10"} 2`, `30"} 2`, `60"} 2`, `+Inf"} 3`,
	} {
		want += `lb_x_seconds_bucket{le="` + bucket + "\n"
	}
	want += "lb_x_seconds_sum 120.001001\nlb_x_seconds_count 3\n"
	if string(e.text) != want {
		t.Errorf("got\n%swant\n%s", e.text, want)
	}
}

// The library's lines of one family stand together, behind a head of ours.
func TestProcessFamiliesHaveTheirSamples(t *testing.T) {
	for line, want := range map[string]string{
		"go_info{version=\"go1\"} 1\n": "go_info", "go_gc_duration_seconds_sum 1\n": "go_gc_duration_seconds",
		"process_open_fds 7\n": "process_open_fds", "broken": "broken",
	} {
		if got := familyOf([]byte(line)); got != want {
			t.Errorf("family of %q is %q, want %q", line, got, want)
		}
	}
}
