//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// life is samples of one process over ten minutes, with noise.
func life(generation int, change func(at time.Duration, s *sample)) (samples []sample) {
	for at := sampleEvery; at < 10*time.Minute; at += sampleEvery {
		s := sample{Generation: generation, Age: at, Goroutines: 12, Actors: 18, Clients: 150, Lines: 100}
		noise := int64(at/sampleEvery) % 5
		s.usage = usage{RSS: 30<<20 + noise<<18, Descriptors: 270 + int(noise)}
		change(at, &s)
		samples = append(samples, s)
	}
	return samples
}

func TestGrowthIsFound(t *testing.T) {
	t.Parallel()
	minutes := func(at time.Duration) int { return int(at.Minutes()) }
	for _, c := range []struct {
		name   string
		change func(at time.Duration, s *sample)
		want   []string
	}{
		{"nothing", func(time.Duration, *sample) {}, nil},
		{"warming up", func(at time.Duration, s *sample) { s.RSS -= max(0, 20<<20-int64(at/time.Millisecond)<<9) }, nil},
		{"more connections", func(at time.Duration, s *sample) {
			s.Clients, s.Descriptors = s.Clients+10*minutes(at), s.Descriptors+10*minutes(at)
		}, nil},
		{"memory", func(at time.Duration, s *sample) { s.RSS += int64(minutes(at)) << 20 }, []string{"resident bytes"}},
		{"descriptors", func(at time.Duration, s *sample) { s.Descriptors += 10 * minutes(at) }, []string{"descriptors"}},
		{"goroutines", func(at time.Duration, s *sample) { s.Goroutines += 6 * minutes(at) }, []string{"goroutines"}},
		{"actors", func(at time.Duration, s *sample) { s.Actors += minutes(at) }, []string{"actors"}},
	} {
		got := growth(life(0, c.change), time.Minute, time.Minute)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
			continue
		}
		for i, word := range c.want {
			if !strings.HasPrefix(got[i], word) {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
	}
}

// A process that begins with more than the one before it had is found, too.
func TestGrowthFromProcessToProcessIsFound(t *testing.T) {
	t.Parallel()
	same := func(time.Duration, *sample) {}
	more := func(_ time.Duration, s *sample) { s.RSS += 6 << 20 }
	if got := growth(append(life(0, same), life(1, same)...), time.Minute, time.Minute); len(got) > 0 {
		t.Errorf("of two equal lives: %q", got)
	}
	got := growth(append(life(0, same), life(1, more)...), time.Minute, time.Minute)
	if len(got) != 1 || !strings.Contains(got[0], "of process 1, compared with the first") {
		t.Errorf("of a second life with 6 MiB more: %q", got)
	}
}

func TestRestIsCompared(t *testing.T) {
	t.Parallel()
	before := rest{sample{Goroutines: 11}, goroutines{"lb/actors.Spawn": 3, "the runtime": 1}}
	before.Descriptors = 18
	if got := before.differences(&before); len(got) > 0 {
		t.Errorf("with itself: %q", got)
	}
	after := before
	after.Descriptors, after.worker = 19, goroutines{"lb/actors.Spawn": 4, "the runtime": 1}
	got := strings.Join(before.differences(&after), "\n")
	want := `at rest there were 18 descriptors before the load and 19 after it
at rest there were 4 goroutines of worker 0 before the load and 5 after it
goroutines of worker 0 by lb/actors.Spawn: 3 and 4`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestSlowerIsFound(t *testing.T) {
	t.Parallel()
	began := time.Now()
	const length = 10 * time.Minute
	series := func(took func(at time.Duration) time.Duration) (times []timing) {
		for at := time.Duration(0); at < length; at += time.Second {
			times = append(times, timing{began.Add(at), took(at)})
		}
		return times
	}
	steady := series(func(time.Duration) time.Duration { return 2 * time.Millisecond })
	if got := slowed(steady, began, length); len(got) > 0 {
		t.Errorf("of equal times: %q", got)
	}
	worse := series(func(at time.Duration) time.Duration { return time.Millisecond + at/100 })
	if got := slowed(worse, began, length); len(got) != 1 {
		t.Errorf("of growing times: %q", got)
	}
	if got := slowed(steady[:10], began, length); len(got) != 1 {
		t.Errorf("of times that are missing: %q", got)
	}
}

func TestLogIsJudged(t *testing.T) {
	t.Parallel()
	judge := func(log, stderr string) string {
		s := &stand{mode: "sp", dir: t.TempDir()}
		for name, text := range map[string]string{"log": log, "stderr": stderr} {
			if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return strings.Join(s.judgeLog(), "\n")
	}
	const good = `{"level":"info","message":"serving"}
{"level":"error","message":"a panic closed a connection","panic":"a worker was to fail"}
{"level":"error","message":"actor failed","reason":"process 7: killed by SIGKILL"}
`
	if got := judge(good, ""); got != "" {
		t.Errorf("a good log: %s", got)
	}
	for _, c := range []struct{ log, stderr, want string }{
		{good + `{"level":"error","message":"a panic closed a connection","panic":"out of range"}`, "", "out of range"},
		{good + `{"level":"error","message":"actor failed","reason":"nil pointer"}`, "", "nil pointer"},
		{good + `{"level":"warn","message":"log lines dropped"}`, "", "log lines dropped"},
		{good + "panic", "", "not a line of a log"},
		{good, "fatal error: concurrent map writes", "on stderr: fatal error"},
	} {
		if got := judge(c.log, c.stderr); !strings.Contains(got, c.want) {
			t.Errorf("found %q, want %q", got, c.want)
		}
	}
}
