package mp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reaper is what the first process of a container becomes when another one takes over: it cannot end, for the container
// would end with it. It passes signals on, takes the dead out of the system's table, and ends with the exit code of the
// last process that took over.
//
// Each that takes over says so in a pipe, which all of them inherit: the parent of the third is the second, and when
// that has ended the third is the reaper's own child.
type Reaper struct {
	sys          reaping
	pipe         int // to read from
	announcement int // to write to
	main         int
}

// reaping is every call that a Reaper makes to the operating system.
type reaping struct {
	read func(fd int, b []byte) (int, error)
	// reap waits for the end of any child; the error is ECHILD when there is none.
	reap func() (pid int, exit Exit, err error)
	kill func(pid int, s syscall.Signal) error
}

// NewReaper makes the pipe.
func NewReaper() (*Reaper, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return nil, fmt.Errorf("reaper: %w", err)
	}
	for _, fd := range ends {
		unix.CloseOnExec(fd)
	}
	if err := unix.SetNonblock(ends[0], true); err != nil {
		return nil, fmt.Errorf("reaper: %w", err)
	}
	return &Reaper{sys: reaping{unix.Read, reapAny, unix.Kill}, pipe: ends[0], announcement: ends[1]}, nil
}

// Descriptor is the end of the pipe that a successor inherits.
func (r *Reaper) Descriptor() int { return r.announcement }

// Announce tells the reaper at the other end of the pipe that this process takes over.
func Announce(pipe int) error {
	if _, err := unix.Write(pipe, []byte(strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return fmt.Errorf("announce to the reaper: %w", err)
	}
	return nil
}

// corpse is a process that was taken out of the table.
type corpse struct {
	pid  int
	exit Exit
}

// Run returns when the process that took over, c or the last one after it, has ended, and how.
func (r *Reaper) Run(c *Child, signals <-chan os.Signal, spawn Spawn) Exit {
	r.main = c.PID
	last := Exit{Code: 1}
	dead := make(chan corpse)
	spawn("reap", func() { r.reapAll(dead) })
	first := c.Done()
	for dead != nil || first != nil {
		select {
		case s := <-signals:
			r.pass(s)
		case d, more := <-dead:
			switch {
			case !more:
				dead = nil
			case r.isMain(d.pid):
				return d.exit
			default:
				last = d.exit
			}
		case <-first: // whoever of the two waited for it has its exit
			first = nil
			exit := c.Exit()
			if exit == (Exit{Code: -1}) {
				continue
			}
			if last = exit; r.isMain(c.PID) {
				return exit
			}
		}
	}
	return last // the main process has ended as the child of the one before it, which passes its end on
}

func (r *Reaper) pass(s os.Signal) {
	r.listen()
	if s, ok := s.(syscall.Signal); ok {
		_ = r.sys.kill(r.main, s) // it may have ended: that comes next
	}
}

func (r *Reaper) isMain(pid int) bool {
	r.listen()
	return pid == r.main
}

// listen reads who has taken over meanwhile.
func (r *Reaper) listen() {
	buffer := make([]byte, 4096)
	n, err := r.sys.read(r.pipe, buffer)
	if err != nil || n <= 0 {
		return
	}
	lines := bufio.NewScanner(bytes.NewReader(buffer[:n]))
	for lines.Scan() {
		if pid, err := strconv.Atoi(lines.Text()); err == nil {
			r.main = pid
		}
	}
}

// reapAll reports the end of each child until there is none.
func (r *Reaper) reapAll(dead chan<- corpse) {
	defer close(dead)
	for {
		pid, exit, err := r.sys.reap()
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		dead <- corpse{pid, exit}
	}
}

func reapAny() (int, Exit, error) {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, 0, nil)
	return pid, exitOf(status), err
}
