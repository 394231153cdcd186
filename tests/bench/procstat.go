//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of CPU times in /proc/PID/stat: USER_HZ, 100 on all architectures that Go runs on. The kernel scales
// them to the exact run time, so a sum is off by at most one tick.
const tick = time.Second / 100

// procStat is what we need of /proc/PID/stat.
type procStat struct {
	pid, parent int
	cpu         time.Duration // user and system time of all threads, ended ones included
}

// parseStat reads a line of proc(5). The command in parentheses may contain anything: fields count from its end.
func parseStat(line string) (procStat, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return procStat{}, fmt.Errorf("no command in %q", line)
	}
	fields := strings.Fields(line[end+1:]) // state is field 3 of proc(5), ppid 4, utime 14, stime 15
	if len(fields) < 13 {
		return procStat{}, fmt.Errorf("%d fields after the command in %q", len(fields), line)
	}
	var numbers [4]int64
	for i, text := range []string{strings.TrimSpace(line[:open]), fields[1], fields[11], fields[12]} {
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return procStat{}, fmt.Errorf("%q: %w", line, err)
		}
		numbers[i] = number
	}
	cpu := time.Duration(numbers[2]+numbers[3]) * tick
	return procStat{pid: int(numbers[0]), parent: int(numbers[1]), cpu: cpu}, nil
}

// processes is a picture of a process and its descendants, by process id.
type processes map[int]procStat

// processTree takes a picture now.
func processTree(root int) (processes, error) {
	all, err := allProcesses("/proc")
	if err != nil {
		return nil, err
	}
	tree := descendants(all, root)
	if len(tree) == 0 {
		return nil, fmt.Errorf("process %d is gone", root)
	}
	return tree, nil
}

func allProcesses(proc string) ([]procStat, error) {
	names, err := filepath.Glob(proc + "/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []procStat
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // ended since it was listed
		}
		if err != nil {
			return nil, err
		}
		stat, err := parseStat(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, stat)
	}
	return all, nil
}

func descendants(all []procStat, root int) processes {
	tree := processes{}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			_, known := tree[p.pid]
			if _, child := tree[p.parent]; !known && (child || p.pid == root) {
				tree[p.pid] = p
				grown = true
			}
		}
	}
	return tree
}

// cpuSince is the CPU time that the processes used between two pictures. A process that came or went in between took
// some of it along unseen, so there is no answer then.
func (now processes) cpuSince(before processes) (time.Duration, error) {
	var spent time.Duration
	for pid, p := range now {
		earlier, known := before[pid]
		if !known {
			return 0, fmt.Errorf("process %d was started during the measurement", pid)
		}
		spent += p.cpu - earlier.cpu
	}
	if len(now) != len(before) {
		return 0, fmt.Errorf("%d of %d processes ended during the measurement", len(before)-len(now), len(before))
	}
	return spent, nil
}

// resident is the memory of all processes, in bytes. The kernel keeps the figure of /proc/PID/statm per thread and
// adds it up late; smaps_rollup walks the pages.
func (now processes) resident() (int64, error) {
	var total int64
	for pid := range now {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		size, err := parseRollup(text)
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		total += size
	}
	return total, nil
}

// parseRollup finds the line "Rss:   1234 kB" and gives it in bytes.
func parseRollup(text []byte) (int64, error) {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == "Rss:" {
			kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("no Rss in smaps_rollup")
}
