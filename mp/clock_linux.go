package mp

import "golang.org/x/sys/unix"

// monotonic reads the clock that service managers compare times by.
func monotonic(t *unix.Timespec) error { return unix.ClockGettime(unix.CLOCK_MONOTONIC, t) }
