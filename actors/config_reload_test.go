package actors

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lb/messages"
)

// fileOf is a configuration file with one backend, and whatever else.
func fileOf(port int, more string) string {
	return fmt.Sprintf(`{"backends":[{"host":"127.0.0.1","port":%d}]%s}`, port, more)
}

// optionsOf are those of a start with a file. A backend on port 13 cannot be served, and one on port 14 is a disaster.
func optionsOf(t *testing.T, path, text string) FileOptions {
	t.Helper()
	file, err := messages.DecodeConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return FileOptions{
		Path: path, Text: []byte(text), Settings: file.Settings,
		Merge: func(f messages.File) (messages.Settings, error) {
			switch f.Config.Backends[0].Port {
			case 13:
				return messages.Settings{}, f.Fault("backends[0].port", errors.New("not that one"))
			case 14:
				panic("on purpose")
			}
			return f.Settings, nil
		},
	}
}

func TestReloadsJudgeEachReading(t *testing.T) {
	began := time.Unix(100, 0)
	now := began
	r := newReloads(optionsOf(t, "lb.json", fileOf(1, "")), began)
	missing := errors.New("configuration file lb.json: no such file or directory")
	none := messages.ConfigStatus{File: "lb.json", Generation: 1, LastSuccess: began}
	for i, c := range []struct {
		text  string
		err   error
		want  verdict
		fault string
		then  func(*messages.ConfigStatus)
	}{
		{text: fileOf(1, "")},
		{text: fileOf(1, " ")}, // other bytes, nothing else
		{
			text: fileOf(2, ""), want: verdict{news: true, changes: []string{
				"backend 127.0.0.1:2 added", "backend 127.0.0.1:1 removed",
			}},
			then: func(s *messages.ConfigStatus) { s.Generation, s.Applied, s.LastSuccess = 2, 1, now },
		},
		{
			text: `{`, fault: "line 1, column 2: $: the end of the file where a key in quotes should be",
			want: verdict{news: true}, then: func(s *messages.ConfigStatus) { s.Refused = 1 },
		},
		{text: `{`, fault: "line 1, column 2: $: the end of the file where a key in quotes should be"},
		{
			text: `{ `, fault: "line 1, column 3: $: the end of the file where a key in quotes should be",
			want: verdict{news: true}, then: func(s *messages.ConfigStatus) { s.Refused = 2 },
		},
		{
			text: ` {`, fault: "line 1, column 3: $: the end of the file where a key in quotes should be",
			want: verdict{news: true}, then: func(s *messages.ConfigStatus) { s.Refused = 3 },
		},
		{
			text: fileOf(13, ""), fault: "line 1, column 41: $.backends[0].port: not that one",
			want: verdict{news: true}, then: func(s *messages.ConfigStatus) { s.Refused = 4 },
		},
		{
			err: missing, fault: missing.Error(), want: verdict{news: true},
			then: func(s *messages.ConfigStatus) { s.Refused = 5 },
		},
		{err: missing, fault: missing.Error()},
		{text: fileOf(2, ""), want: verdict{news: true, recovered: true}},
		{
			text: fileOf(2, `,"listen":{"port":1}`), want: verdict{news: true, fixed: []string{"listen.port"}},
		},
		{text: fileOf(2, `,"listen":{"port":1}`)},
		{
			text: fileOf(2, `,"listen":{"port":1},"strategy":"random"`),
			want: verdict{news: true, fixed: []string{"listen.port"}, changes: []string{"strategy round_robin -> random"}},
			then: func(s *messages.ConfigStatus) { s.Generation, s.Applied, s.LastSuccess = 3, 2, now },
		},
		{
			text: fileOf(2, ""), want: verdict{news: true, changes: []string{"strategy random -> round_robin"}},
			then: func(s *messages.ConfigStatus) { s.Generation, s.Applied, s.LastSuccess = 4, 3, now },
		},
	} {
		now = now.Add(time.Second)
		if c.then != nil {
			c.then(&none)
		}
		none.LastError = c.fault
		got := r.take([]byte(c.text), c.err, now)
		if fault := fmt.Sprint(got.err); c.fault != "" && fault != c.fault || c.fault == "" && got.err != nil {
			t.Errorf("%d: fault %q, want %q", i, fault, c.fault)
		}
		if place := (*messages.FileError)(nil); strings.HasPrefix(c.fault, "line ") && !errors.As(got.err, &place) {
			t.Errorf("%d: %q has lost its place", i, got.err)
		}
		got.err = nil
		if !reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(r.status, none) {
			t.Errorf("%d: verdict %+v, want %+v\nstatus %+v, want %+v", i, got, c.want, r.status, none)
		}
	}
	if port := r.Settings.Config.Backends[0].Port; port != 2 {
		t.Errorf("port %d holds in the end", port)
	}
}

func TestPaceWaitsForQuietButNotForEver(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(1, 0).Add(time.Duration(ms) * time.Millisecond) }
	var p pace
	p.touch(at(0))
	if got := p.rest(at(0)); got != quiet {
		t.Errorf("after one event: %v", got)
	}
	p.touch(at(60))
	if got := p.rest(at(100)); got != 60*time.Millisecond {
		t.Errorf("after another event: %v", got)
	}
	if got := p.rest(at(160)); got > 0 {
		t.Errorf("in peace: %v", got)
	}
	for ms := 60; ms < 600; ms += 50 {
		p.touch(at(ms))
	}
	if got := p.rest(at(500)); got > 0 {
		t.Errorf("in a storm: %v", got)
	}
}

func TestChangesInALogLineAreFew(t *testing.T) {
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprint(i))
	}
	got := shortened(many)
	if len(got) != mostChanges+1 || got[mostChanges] != "and 10 more" || many[mostChanges] != "20" {
		t.Errorf("%q of %q", got, many)
	}
	if got = shortened(many[:mostChanges]); !slices.Equal(got, many[:mostChanges]) {
		t.Errorf("%q", got)
	}
}
