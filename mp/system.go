package mp

import (
	"net"
	"os"
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
	get    func(fd, level, option int) (int, error)
	deafen func(fd int) error // the socket takes no packet any more

	pair  func() (ours, theirs int, err error) // connected unix sockets, closed on exec
	link  func(fd int) (*net.UnixConn, error)  // takes a unix socket over
	start func(path string, args []string, attributes *syscall.ProcAttr) (process, error)
}

// process is one that was started here.
type process interface {
	Number() int
	// Wait returns when it has ended, and takes it out of the system's table.
	Wait() (Exit, error)
	// Signal fails when it has ended.
	Signal(syscall.Signal) error
}

func kernel() system {
	return system{
		socket: socket,
		set:    unix.SetsockoptInt,
		bind:   unix.Bind,
		listen: unix.Listen,
		name:   unix.Getsockname,
		close:  unix.Close,
		get:    unix.GetsockoptInt,
		deafen: deafen,
		pair:   pair,
		link:   openConn,
		start:  startProcess,
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

// pair makes the two ends of a link. The lock is for the same reason as in socket.
func pair() (ours, theirs int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	both, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, -1, err
	}
	unix.CloseOnExec(both[0])
	unix.CloseOnExec(both[1])
	return both[0], both[1], nil
}

func openConn(fd int) (*net.UnixConn, error) {
	file := os.NewFile(uintptr(fd), "link")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	link, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, unix.ENOTSOCK
	}
	return link, nil
}

// startedProcess is a process of package os, which never signals a number that has been given to another one.
type startedProcess struct{ *os.Process }

func startProcess(path string, args []string, attributes *syscall.ProcAttr) (process, error) {
	pid, err := syscall.ForkExec(path, args, attributes)
	if err != nil {
		return nil, err
	}
	p, err := os.FindProcess(pid)
	return startedProcess{p}, err
}

func (p startedProcess) Number() int { return p.Pid }

func (p startedProcess) Signal(s syscall.Signal) error { return p.Process.Signal(s) }

func (p startedProcess) Wait() (Exit, error) {
	state, err := p.Process.Wait()
	if err != nil {
		return Exit{}, err
	}
	return exitOf(state.Sys().(syscall.WaitStatus)), nil
}
