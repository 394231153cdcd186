//go:build linux

package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTableOfREADME(t *testing.T) {
	var got strings.Builder
	sampleReport().printMarkdown(&got, choose(t, "small-64,connect,download,h2c-64,access-log"))
	compare(t, "figures.md", got.String())
}

func TestTableStandsBetweenItsMarks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	r, chosen := sampleReport(), choose(t, "small-64")
	begin, end := r.marks()
	if err := os.WriteFile(name, []byte("before\n"+begin+"\nold\n"+end+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time replaces the first table
		if err := r.intoMarkdown(name, chosen); err != nil {
			t.Fatal(err)
		}
	}
	var table strings.Builder
	r.printMarkdown(&table, chosen)
	got, err := os.ReadFile(name)
	want := "before\n" + begin + "\n" + table.String() + end + "\nafter\n"
	if err != nil || string(got) != want {
		t.Errorf("got %v:\n%s\nwant:\n%s", err, got, want)
	}
}

func TestFileWithoutMarksIsLeftAlone(t *testing.T) {
	begin, end := sampleReport().marks()
	for _, text := range []string{"", begin, end, end + begin, "<!-- figures other -->" + end} {
		name := filepath.Join(t.TempDir(), "README.md")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := sampleReport().intoMarkdown(name, nil); err == nil {
			t.Errorf("%q: got no error", text)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
}

func TestRowSaysNothingWhereThereIsNothing(t *testing.T) {
	f := func(want string, w row) {
		t.Helper()
		if got := w.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	missing := math.NaN()
	f("| a | µs | 3 | 4 | 6 | 0.75 |", row{name: "a", unit: "µs", lb: 3, nginx: 4, haproxy: 6})
	f("| a | µs | 3 | – | 6 | 0.50 |", row{name: "a", unit: "µs", lb: 3, nginx: missing, haproxy: 6})
	f("| a | µs | 3 | 4 | – | 0.75 |", row{name: "a", unit: "µs", lb: 3, nginx: 4, haproxy: missing})
	f("| a | µs | – | 4 | 6 | – |", row{name: "a", unit: "µs", lb: missing, nginx: 4, haproxy: 6})
	f("| a | µs | 3 | 0 | 6 | – |", row{name: "a", unit: "µs", lb: 3, nginx: 0, haproxy: 6})
	f("| a | µs | -3 | 4 | 6 | – |", row{name: "a", unit: "µs", lb: -3, nginx: 4, haproxy: 6, differences: true})
}
