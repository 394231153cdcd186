//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
)

// versionArguments print the version of each program; wrk ends with an error then, but prints it.
var versionArguments = map[string]string{"lb": "--version", "nginx": "-v", "haproxy": "-v", "wrk": "-v"}

// describe adds what the figures belong to: the machine, the versions, the binary.
func (r *report) describe(ctx context.Context, b *bench) {
	r.Machine = strings.Join([]string{processorModel(), kernelRelease()}, ", ")
	for _, name := range append([]string{"wrk"}, b.names...) {
		program := name
		if name == "lb" {
			program = b.options.lb
			r.BinaryBytes = binarySize(program)
		}
		r.Versions = append(r.Versions, versionOf(ctx, program, versionArguments[name]))
	}
}

// versionOf is the first line that the program prints, without what follows the version; its name when it fails.
func versionOf(ctx context.Context, program, argument string) string {
	command := exec.CommandContext(ctx, program, argument)
	if findServer(command) != nil {
		return program
	}
	output, _ := command.CombinedOutput()
	line, _, _ := strings.Cut(string(output), "\n")
	return shortVersion(line)
}

// shortVersion keeps the name and the number: "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/" is
// HAProxy 2.6.12-1+deb12u4.
func shortVersion(line string) string {
	line = strings.NewReplacer("nginx version: nginx/", "nginx ", " version ", " ").Replace(line)
	words := strings.Fields(line)
	return strings.Join(words[:min(len(words), 2)], " ")
}

func processorModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "unknown CPU" // arm64 names none
}

func kernelRelease() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "Linux"
	}
	return "Linux " + strings.TrimSpace(string(text))
}
