//go:build linux

package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const tail = " S 41 42 42 0 -1 4194560 210 0 0 0 123 45 6 7 20 0 9 0 99 1 2"
	f := func(line string, want procStat) {
		t.Helper()
		got, err := parseStat(line)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", line, got, err, want)
		}
	}
	// User and system time are fields 14 and 15; those of waited-for children, 16 and 17, are not ours to count.
	want := procStat{pid: 42, parent: 41, cpu: 1680 * time.Millisecond}
	f("42 (nginx)"+tail, want)
	f("42 (nginx: worker)"+tail, want)
	f("42 (a) S 1 (b) 7)"+tail, want)
}

func TestParseStatRejects(t *testing.T) {
	for _, line := range []string{
		"",
		"42 nginx S 41",
		"42 )(",
		"42 (nginx) S 41 42",
		"x (nginx) S 41 42 42 0 -1 4194560 210 0 0 0 123 45 6 7",
		"42 (nginx) S 41 42 42 0 -1 4194560 210 0 0 0 x 45 6 7",
	} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("%q: got %+v, want an error", line, got)
		}
	}
}

func TestDescendantsAreFoundInAnyOrder(t *testing.T) {
	all := []procStat{
		{pid: 13, parent: 12},
		{pid: 1},
		{pid: 12, parent: 10},
		{pid: 10, parent: 1},
		{pid: 20, parent: 1},
		{pid: 11, parent: 10},
	}
	f := func(root int, want ...int) {
		t.Helper()
		if got := slices.Sorted(maps.Keys(descendants(all, root))); !slices.Equal(got, want) {
			t.Errorf("of %d: got %v, want %v", root, got, want)
		}
	}
	f(10, 10, 11, 12, 13)
	f(20, 20)
	f(99)
}

func TestCPUSince(t *testing.T) {
	before := processes{1: {pid: 1, cpu: time.Second}, 2: {pid: 2, cpu: 2 * time.Second}}
	after := processes{1: {pid: 1, cpu: time.Second}, 2: {pid: 2, cpu: 5 * time.Second}}
	if spent, err := after.cpuSince(before); spent != 3*time.Second || err != nil {
		t.Errorf("got %v, %v; want 3 s", spent, err)
	}
	if _, err := after.cpuSince(processes{1: before[1]}); err == nil || !strings.Contains(err.Error(), "was started") {
		t.Errorf("a new process: got %v, want an error", err)
	}
	if _, err := (processes{1: after[1]}).cpuSince(before); err == nil || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("a process gone: got %v, want an error", err)
	}
}

func TestParseRollup(t *testing.T) {
	const text = "00400000-7ffd ---p 00000000 00:00 0   [rollup]\nRss:       1692 kB\nPss:     322 kB\n"
	if got, err := parseRollup([]byte(text)); got != 1692*1024 || err != nil {
		t.Errorf("got %d, %v; want %d", got, err, 1692*1024)
	}
	if got, err := parseRollup([]byte("Pss: 322 kB\n")); err == nil {
		t.Errorf("without Rss: got %d, want an error", got)
	}
}

// TestProcessTreeOfThisProcess compares what /proc says with what getrusage(2) says of the same process.
func TestProcessTreeOfThisProcess(t *testing.T) {
	before := usage(t)
	for usage(t)-before < 100*time.Millisecond { // something to see
	}
	low := usage(t)
	tree, err := processTree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	// Two times are cut to whole ticks there.
	if got := tree[os.Getpid()].cpu; got < low-2*tick || got > usage(t) {
		t.Errorf("CPU time %v, want between %v and %v", got, low-2*tick, usage(t))
	}
	if size, err := tree.resident(); err != nil || size < 1<<20 {
		t.Errorf("%d bytes, %v; a Go program has more than 1 MiB", size, err)
	}
}

func usage(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func TestProcessThatDoesNotExist(t *testing.T) {
	if tree, err := processTree(1 << 30); err == nil {
		t.Errorf("got %v, want an error", tree)
	}
}

func TestAllProcessesNamesTheFileItCannotRead(t *testing.T) {
	proc := t.TempDir()
	file := filepath.Join(proc, "7", "stat")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("garbage"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := allProcesses(proc); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want an error that names %s", err, file)
	}
}
