//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// logLine is what is wanted of a line of lb's log.
type logLine struct {
	Level, Message string
	Panic, Reason  string
}

// dreaded are messages for which the soak gives no occasion.
var dreaded = []string{
	"a goroutine ended by a panic", "a hook", "does not answer", "not drained", "in the middle of its drain", "given up",
	"did not close", "cannot be handed over", "may be lost", "log lines dropped", "may be cut off", "the upgrade failed",
	"cannot ", "admin request failed",
}

// asked is in each panic that the soak asks for; ordered in the reasons of actors' failures for which it is to blame.
const asked = "was to fail"

var ordered = []string{asked, "killed by SIGKILL", "exit code 2"}

// unordered reports whether a failure in the log is lb's own.
func unordered(text string) bool {
	return strings.Contains(text, "actor failed") &&
		!slices.ContainsFunc(ordered, func(reason string) bool { return strings.Contains(text, reason) })
}

var number = regexp.MustCompile(`\bprocess \d+`)

// judgeLog reads the log of all processes.
func (s *stand) judgeLog() (findings []string) {
	lines, err := s.logLines()
	if err != nil {
		return []string{err.Error()}
	}
	for _, text := range slices.Sorted(maps.Keys(lines)) {
		for _, what := range dreaded {
			if strings.Contains(text, what) {
				findings = append(findings, fmt.Sprintf("%d times in the log: %s", lines[text], text))
				break
			}
		}
		if unordered(text) || strings.Contains(text, "panic closed") && !strings.Contains(text, asked) {
			findings = append(findings, fmt.Sprintf("%d times in the log: %s", lines[text], text))
		}
	}
	for _, word := range []string{"panic:", "fatal error:", "DATA RACE"} {
		if strings.Contains(s.text("stderr"), word) {
			findings = append(findings, "on stderr: "+word)
		}
	}
	if text := s.text("stderr"); s.mode == "sp" && text != "" {
		findings = append(findings, fmt.Sprintf("on stderr: %.500q", text))
	}
	return findings
}

// logLines counts the lines by level and message, and panics by what they said as well.
func (s *stand) logLines() (map[string]int, error) {
	file, err := os.Open(s.path("log"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := map[string]int{}
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		var one logLine
		if err := json.Unmarshal(scanner.Bytes(), &one); err != nil || one.Level == "" {
			return nil, fmt.Errorf("not a line of a log: %.200q", scanner.Bytes())
		}
		text := one.Level + ": " + one.Message
		if one.Panic != "" {
			text += " (" + one.Panic + ")"
		}
		if one.Message == "actor failed" {
			text += " (" + number.ReplaceAllString(one.Reason, "process") + ")"
		}
		lines[text]++
	}
	return lines, scanner.Err()
}
