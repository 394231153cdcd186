//go:build !sim

package loop

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// interest is what every descriptor is watched for, once and for all. EPOLLERR and EPOLLHUP come unasked.
const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// poller is an epoll instance with an eventfd that ends its waits.
type poller struct {
	epoll, eventfd int
	ready          int // how many of events the last wait filled
	events         [eventsPerWait]unix.EpollEvent
}

func (p *poller) open() (err error) {
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if p.eventfd, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		_ = unix.Close(p.epoll)
		return os.NewSyscallError("eventfd", err)
	}
	// Edge-triggered, so that each write is an event and the counter is never read: it would take 2^64 wake-ups to
	// fill it.
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: wakeDescriptor}
	if err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.eventfd, &e); err != nil {
		p.close()
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

func (p *poller) close() {
	_, _ = unix.Close(p.eventfd), unix.Close(p.epoll)
	p.eventfd, p.epoll, p.ready = -1, -1, 0
}

func (p *poller) add(fd int, generation uint32) error {
	e := unix.EpollEvent{Events: interest, Fd: int32(fd), Pad: int32(generation)}
	return ctl(p.epoll, unix.EPOLL_CTL_ADD, fd, &e)
}

// remove may find that fd is closed already, which is as good.
func (p *poller) remove(fd int) {
	_ = ctl(p.epoll, unix.EPOLL_CTL_DEL, fd, &unix.EpollEvent{})
}

// at is the event i of the last wait.
func (p *poller) at(i int) event {
	e := &p.events[i]
	return event{fd: e.Fd, generation: uint32(e.Pad), ready: readiness(e.Events)}
}

// readiness translates. EPOLLHUP only says that both directions were shut down, which they also are when we half-closed
// and the peer answered and closed: the answer may be unread, so it is no more than the end of what can be read.
func readiness(bits uint32) (ready Events) {
	if bits&unix.EPOLLIN != 0 {
		ready |= Readable
	}
	if bits&unix.EPOLLOUT != 0 {
		ready |= Writable
	}
	if bits&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
		ready |= HungUp
	}
	if bits&unix.EPOLLERR != 0 {
		ready |= Broken
	}
	return ready
}

// poll collects what is ready, without sleeping.
func (p *poller) poll() error {
	_, err := p.nap(0)
	return err
}

// canNap says that there is a wait of which the scheduler learns nothing.
const canNap = true

// nap is wait for some milliseconds at most, without telling the scheduler. over: they have passed, and nothing came.
func (p *poller) nap(milliseconds int) (over bool, err error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events)),
		eventsPerWait, uintptr(milliseconds), 0, 0)
	if errno != 0 {
		return false, p.settle(0, errno)
	}
	p.ready = int(n)
	return n == 0, nil
}

// wait collects what is ready, and sleeps for up to timeout milliseconds, or for ever if it is -1, until something is.
func (p *poller) wait(timeout int) error {
	n, err := unix.EpollWait(p.epoll, p.events[:], timeout)
	return p.settle(n, err)
}

// settle takes the result of a wait. One that a signal interrupted brought nothing.
func (p *poller) settle(n int, err error) error {
	p.ready = max(n, 0)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("epoll_wait: %w", err)
	}
	return nil
}

// wake ends a wait that runs or the next one. Any goroutine may call it.
func (p *poller) wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	// It cannot block, and cannot fail while the descriptor is open.
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(p.eventfd), uintptr(unsafe.Pointer(&one)), 8)
}

// ctl is epoll_ctl without telling the scheduler: it does not sleep.
func ctl(epoll, op, fd int, e *unix.EpollEvent) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(e)), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("epoll_ctl", errno)
	}
	return nil
}
