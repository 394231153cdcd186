//go:build !sim

package loop

import (
	"slices"
	"testing"
	"time"
)

func TestAPanicCostsOnlyItsTurn(t *testing.T) {
	type report struct{ whose, value any }
	var reports []report
	l := stepping(t, Options{Panicked: func(whose, value any, stack []byte) {
		if len(stack) == 0 {
			t.Error("no stack")
		}
		reports = append(reports, report{whose, value})
	}})
	var survivors []string
	note := func(what string) { survivors = append(survivors, what) }
	failing := make(map[string]*failure)
	for _, part := range []string{"event", "turn", "timer"} {
		failing[part] = &failure{part}
	}
	for i := range 3 {
		fd, _ := pair(t)
		var h Handler = ready(func(Events) { note("event") })
		if i == 1 {
			h = failing["event"]
		}
		register(t, l, fd, h)
	}
	l.Again(failing["turn"])
	l.Again(ready(func(Events) { note("turn") }))
	l.Schedule(func() { panic("function") })
	l.Schedule(func() { note("function") })
	l.Arm(&Timer{Owner: owner(func(int64) int64 { note("timer"); return 0 })}, 1)
	l.Arm(&Timer{Owner: failing["timer"]}, 1)
	l.epoch = l.epoch.Add(-time.Minute)
	step(t, l)

	if want := []string{"event", "event", "turn", "function", "timer"}; !slices.Equal(survivors, want) {
		t.Errorf("ran %q, want %q", survivors, want)
	}
	want := []report{
		{failing["event"], "event"},
		{failing["turn"], "turn"},
		{nil, "function"},
		{failing["timer"], "timer"},
	}
	if !slices.Equal(reports, want) {
		t.Errorf("reported %v, want %v", reports, want)
	}
}

// failure panics in its turn.
type failure struct{ part string }

func (f *failure) Ready(Events)        { panic(f.part) }
func (f *failure) Expired(int64) int64 { panic(f.part) }

func TestWithoutAReceiverAPanicEndsRun(t *testing.T) {
	l := opened(t, Options{})
	l.Schedule(func() { panic("unheard") })
	ended := make(chan any, 1)
	go func() {
		defer func() { ended <- recover() }()
		_ = l.Run()
	}()
	if value := await(t, ended); value != "unheard" {
		t.Errorf("Run ended with %v", value)
	}
}

func TestAPanicWhileTheLoopEndsCostsOnlyItsTurn(t *testing.T) {
	var reported []any
	l := opened(t, Options{Panicked: func(_, value any, _ []byte) { reported = append(reported, value) }})
	ran := false
	l.Schedule(func() { l.stopping = true })
	for range functionsPerRound {
		l.Schedule(func() {})
	}
	l.Schedule(func() { panic("late") })
	l.Schedule(func() { ran = true })
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if !ran || !slices.Equal(reported, []any{"late"}) {
		t.Errorf("reported %v; the last function ran: %v", reported, ran)
	}
}
