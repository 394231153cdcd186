package health_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lb/actors/health"
	"lb/messages"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

var origin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A line of a transcript is a comment, or an order to the machine at a time since its making; below it, indented,
// stands the state or what changed it, which `go test ./actors/health -update` rewrites.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("transcripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant (go test ./actors/health -update):\n%s", got, want)
			}
		})
	}
}

// play carries out the orders of a transcript and returns it with the answers to them.
func play(t *testing.T, transcript string) string {
	var (
		out strings.Builder
		m   *health.Machine
	)
	for line := range strings.Lines(transcript) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, " ") {
			continue
		}
		out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		order := parse(t, line)
		if order.verb == "new" {
			m = health.New(order.rules(t), order.at)
		}
		fmt.Fprintf(&out, "    %s\n", order.apply(t, m))
	}
	return out.String()
}

// order is one line: "1.5s probe 200 began=1s".
type order struct {
	at      time.Time
	verb    string
	word    string // "" when the verb takes none
	options map[string]string
}

func parse(t *testing.T, line string) order {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		t.Fatalf("%q: want a time and a verb", line)
	}
	o := order{at: instant(t, fields[0]), verb: fields[1], options: make(map[string]string)}
	for _, field := range fields[2:] {
		if key, value, ok := strings.Cut(field, "="); ok {
			o.options[key] = value
		} else {
			o.word = field
		}
	}
	return o
}

// apply carries out all but "new", and renders what followed.
func (o order) apply(t *testing.T, m *health.Machine) string {
	var (
		change  health.Transition
		changed bool
	)
	switch o.verb {
	case "new":
	case "attempt":
		change, changed = m.Attempt(o.at, health.Attempt{Began: o.began(t), Reason: reason(t, o.word)})
	case "probe":
		change, changed = m.Probe(o.at, o.probe(t))
	case "drain":
		change, changed = m.Drain(o.at)
	case "resume":
		change, changed = m.Resume(o.at)
	case "adjust":
		change, changed = m.Adjust(o.at, o.rules(t))
	default:
		t.Fatalf("unknown order %q", o.verb)
	}
	if !changed {
		return m.State().String()
	}
	if change.To != m.State() || !change.At.Equal(o.at) {
		t.Errorf("%+v, although the machine is %v at %v", change, m.State(), o.at)
	}
	return fmt.Sprintf("%v -> %v: %s", change.From, change.To, change.Reason)
}

func (o order) probe(t *testing.T) health.Probe {
	if status, err := strconv.Atoi(o.word); err == nil {
		return health.Probe{Began: o.began(t), Status: status}
	}
	return health.Probe{Began: o.began(t), Reason: reason(t, o.word)}
}

// began is when the attempt or probe began: at once before its end, unless it is given.
func (o order) began(t *testing.T) time.Time {
	switch s := o.options["began"]; s {
	case "":
		return o.at
	case "unknown":
		return time.Time{}
	default:
		return instant(t, s)
	}
}

func (o order) rules(t *testing.T) (r health.Rules) {
	into := map[string]*int{"fall": &r.Fall, "rise": &r.Rise, "lowest": &r.Lowest, "highest": &r.Highest}
	if o.word == "defaults" {
		r = health.Defaults()
	}
	for key, value := range o.options {
		n, err := strconv.Atoi(value)
		if err != nil || into[key] == nil {
			t.Fatalf("rule %s=%s: %v", key, value, err)
		}
		*into[key] = n
	}
	return r
}

func instant(t *testing.T, s string) time.Time {
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return origin.Add(d)
}

func reason(t *testing.T, word string) messages.Reason {
	if word == "answered" {
		return messages.NoReason
	}
	for _, r := range messages.Reasons() {
		if r.String() == word {
			return r
		}
	}
	t.Fatalf("unknown reason %q", word)
	return messages.NoReason
}
