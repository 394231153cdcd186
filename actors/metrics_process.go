package actors

import (
	"bytes"

	"github.com/VictoriaMetrics/metrics"
)

// processFamilies are the metrics of the process and of the Go runtime that are shown, with the kind and the help that the
// library does not write. What the library has besides them either tells nothing of a balancer or breaks the rules by which
// promtool judges names.
var processFamilies = map[string]struct{ kind, help string }{
	"process_cpu_seconds_total":        {counterKind, "CPU time of the process, user and system."},
	"process_cpu_seconds_user_total":   {counterKind, "CPU time of the process in user mode."},
	"process_cpu_seconds_system_total": {counterKind, "CPU time of the process in the kernel."},
	"process_resident_memory_bytes":    {gaugeKind, "Memory of the process that is in RAM."},
	"process_virtual_memory_bytes":     {gaugeKind, "Address space of the process."},
	"process_start_time_seconds":       {gaugeKind, "When the process started, in seconds since 1970."},
	"process_num_threads":              {gaugeKind, "Threads of the process."},
	"process_open_fds":                 {gaugeKind, "Descriptors that are open."},
	"process_max_fds":                  {gaugeKind, "Descriptors that may be open."},
	"process_major_pagefaults_total":   {counterKind, "Page faults that had to read from disk."},
	"process_minor_pagefaults_total":   {counterKind, "Page faults that did not."},
	"go_goroutines":                    {gaugeKind, "Goroutines that exist."},
	"go_gomaxprocs":                    {gaugeKind, "Threads that may run Go code at a time."},
	"go_memlimit_bytes":                {gaugeKind, "Memory limit of the Go runtime."},
	"go_memstats_alloc_bytes_total":    {counterKind, "Bytes allocated on the heap so far."},
	"go_memstats_mallocs_total":        {counterKind, "Objects allocated on the heap so far."},
	"go_memstats_frees_total":          {counterKind, "Objects of the heap freed so far."},
	"go_memstats_heap_alloc_bytes":     {gaugeKind, "Bytes of the heap in use."},
	"go_memstats_heap_inuse_bytes":     {gaugeKind, "Bytes of the heap in spans that are in use."},
	"go_memstats_heap_idle_bytes":      {gaugeKind, "Bytes of the heap in spans that are not in use."},
	"go_memstats_heap_released_bytes":  {gaugeKind, "Bytes of the heap given back to the system."},
	"go_memstats_heap_objects":         {gaugeKind, "Objects on the heap."},
	"go_memstats_stack_inuse_bytes":    {gaugeKind, "Bytes of stacks in use."},
	"go_memstats_next_gc_bytes":        {gaugeKind, "Size of the heap at which the next garbage collection ends."},
	"go_memstats_sys_bytes":            {gaugeKind, "Memory that the Go runtime has of the system."},
	"go_gc_cpu_seconds_total":          {counterKind, "CPU time of garbage collection."},
	"go_gc_duration_seconds":           {"summary", "Pauses of garbage collection, the last 256 of them."},
	"go_info":                          {gaugeKind, "Always 1; the label is the version of Go."},
}

// appendProcess appends what the library tells of the process.
func appendProcess(text []byte) []byte {
	var all bytes.Buffer
	metrics.WriteProcessMetrics(&all)
	metrics.WriteFDMetrics(&all)
	e := &exposition{text: text}
	last := ""
	for line := range bytes.Lines(all.Bytes()) {
		name := familyOf(line)
		family, shown := processFamilies[name]
		if !shown {
			continue
		}
		if name != last {
			e.family(name, family.kind, family.help)
			last = name
		}
		e.text = append(e.text, line...)
	}
	return e.text
}

// familyOf a sample line: a summary has its sum and its count under longer names.
func familyOf(line []byte) string {
	name := line
	if end := bytes.IndexAny(line, "{ "); end >= 0 {
		name = line[:end]
	}
	for _, suffix := range []string{"_sum", "_count"} {
		if short, found := bytes.CutSuffix(name, []byte(suffix)); found {
			return string(short)
		}
	}
	return string(name)
}
