package mp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// system is every call that this package makes to the operating system, so that a test can refuse one.
type system struct {
	socket func(family int) (fd int, err error) // a TCP socket, non-blocking and closed on exec
	set    func(fd, level, option, value int) error
	bind   func(fd int, address unix.Sockaddr) error
	listen func(fd, backlog int) error
	name   func(fd int) (unix.Sockaddr, error)
	close  func(fd int) error
}

func kernel() system {
	return system{
		socket: socket,
		set:    unix.SetsockoptInt,
		bind:   unix.Bind,
		listen: unix.Listen,
		name:   unix.Getsockname,
		close:  unix.Close,
	}
}

// socket takes two more calls than Linux needs, for macOS has no flags for them. The lock keeps Go from forking a child
// between them, which would inherit the socket.
func socket(family int) (int, error) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(family, unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
