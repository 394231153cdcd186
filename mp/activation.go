package mp

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// firstActivated is the first descriptor that a service manager passes (sd_listen_fds(3), SD_LISTEN_FDS_START).
const firstActivated = 3

// Activated returns the listening sockets that a service manager has passed to this process, nil for none. They are
// closed on exec from then on, and the variables that told of them are gone.
func Activated() ([]int, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name) // fails only for a name that no environment can hold
	}
	if count == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.ParseUint(count, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("LISTEN_FDS %q is not a number of sockets", count)
	}
	var fds []int
	for i := range int(n) {
		fd := firstActivated + i
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, fmt.Errorf("LISTEN_FDS: descriptor %d: %w", fd, err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}
