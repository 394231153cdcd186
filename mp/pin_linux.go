package mp

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Pin keeps this process on one of the CPUs that it may use, the one with that place among them, counted round and
// round. Threads that are started later inherit it from those there are.
func Pin(place int) error {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("pin: %w", err)
	}
	var one unix.CPUSet
	one.Set(nth(&allowed, place%max(1, allowed.Count())))
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("pin: %w", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err == nil {
			err = unix.SchedSetaffinity(id, &one)
		}
		if err != nil {
			return fmt.Errorf("pin thread %s: %w", thread.Name(), err)
		}
	}
	return nil
}

// nth is the number of the CPU with that place in the set.
func nth(set *unix.CPUSet, place int) int {
	for cpu := range len(set) * strconv.IntSize {
		if !set.IsSet(cpu) {
			continue
		}
		if place == 0 {
			return cpu
		}
		place--
	}
	return 0
}
