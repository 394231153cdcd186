//go:build !linux

package mp

import "golang.org/x/sys/unix"

// monotonic is for service managers that there are none of here.
func monotonic(*unix.Timespec) error { return unix.ENOSYS }
