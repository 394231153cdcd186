package messages

import (
	"slices"
	"testing"
	"time"
)

func TestChanges(t *testing.T) {
	parse := func(words ...string) (backends []Backend) {
		for _, word := range words {
			b, err := ParseBackend(word)
			if err != nil {
				t.Fatal(err)
			}
			backends = append(backends, b)
		}
		return backends
	}
	for _, c := range []struct {
		name   string
		change func(*Settings)
		want   []string
		fixed  []string
	}{
		{"nothing", func(*Settings) {}, nil, nil},
		{"order", func(s *Settings) { s.Config.Backends = parse("b:1", "a:1", "c:1") }, []string{"order of backends"}, nil},
		{"one gone", func(s *Settings) { s.Config.Backends = parse("a:1", "c:1") }, []string{"backend b:1 removed"}, nil},
		{
			"one in front", func(s *Settings) { s.Config.Backends = parse("d:1", "a:1", "b:1", "c:1") },
			[]string{"backend d:1 added"},
			nil,
		},
		{
			"all kinds", func(s *Settings) { s.Config.Backends = parse("c:1", "a:1,weight=2", "http://d:443") },
			[]string{"backend a:1 -> a:1,weight=2", "backend http://d:443 added", "backend b:1 removed", "order of backends"},
			nil,
		},
		{
			"settings", func(s *Settings) {
				s.Config.Timeouts.Idle, s.Config.Sticky, s.Config.Health.Lowest = 5*time.Second, "lb", 200
			},
			[]string{"sticky none -> lb", "health.status 100-499 -> 200-499", "timeouts.idle 1m -> 5s"},
			nil,
		},
		{
			"where it listens", func(s *Settings) { s.Listen.Port, s.Listen.Workers = 1, 2 },
			nil,
			[]string{"listen.port", "listen.workers"},
		},
	} {
		from := DefaultSettings()
		from.Config.Backends = parse("a:1", "b:1", "c:1")
		to := from
		c.change(&to)
		if got := Changes(from, to); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got := FixedChanges(from, to); !slices.Equal(got, c.fixed) {
			t.Errorf("%s: fixed %q, want %q", c.name, got, c.fixed)
		}
	}
}
