//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// processStat is what is wanted of /proc/PID/stat.
type processStat struct {
	parent int
	state  byte
}

// parseStat reads a line of proc(5). The command in parentheses may contain anything, so fields count from its end.
func parseStat(text []byte) (p processStat, err error) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 2 {
		return p, fmt.Errorf("not of proc(5): %q", text)
	}
	p.state = fields[0][0]
	p.parent, err = strconv.Atoi(string(fields[1]))
	return p, err
}

// usage is what processes hold.
type usage struct {
	RSS, PSS, Anon int64 // bytes: resident, with shared pages in parts, and private to no file
	Descriptors    int
	Threads        int
}

func (u *usage) add(other usage) {
	u.RSS += other.RSS
	u.PSS += other.PSS
	u.Anon += other.Anon
	u.Descriptors += other.Descriptors
	u.Threads += other.Threads
}

// usageOf is of one process.
func usageOf(pid int) (u usage, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return u, err
	}
	u = parseRollup(text)
	for name, count := range map[string]*int{"fd": &u.Descriptors, "task": &u.Threads} {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			return u, err
		}
		*count = len(entries)
	}
	return u, nil
}

// parseRollup reads the lines "Rss:   1234 kB" of smaps_rollup, whose sums are exact, unlike those of statm.
func parseRollup(text []byte) (u usage) {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) != 3 {
			continue
		}
		kilobytes, _ := strconv.ParseInt(string(fields[1]), 10, 64)
		switch string(fields[0]) {
		case "Rss:":
			u.RSS = kilobytes << 10
		case "Pss:":
			u.PSS = kilobytes << 10
		case "Anonymous:":
			u.Anon = kilobytes << 10
		}
	}
	return u
}
