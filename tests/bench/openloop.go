//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// openLoop sends requests at a fixed rate, whatever the answers take, as many strangers do; the clients of wrk wait for
// their answers. A request's time runs from the moment that it was due, also when no connection was free then: a proxy
// that stalls does not get fewer requests for it. One thread, one epoll instance, no allocation on the way.
type openLoop struct {
	interval time.Duration
	total    int
	request  []byte

	epoll   int
	timer   int
	callers map[int32]*caller
	idle    []*caller // the one that has waited longest is the first
	sent    int
	times   []time.Duration // of answered requests, in the order of their ends
	began   time.Time
}

// caller is a connection of the generator.
type caller struct {
	fd     int
	due    time.Duration // of the request under way, since the beginning
	buffer [4096]byte
	size   int // received of the response
}

// latency is what the requests of one run took.
type latency struct {
	P50, P99, P999 time.Duration
}

// generatorNice has the thread of the generator run before all that it measures, for whom it takes little: what it waits
// itself would look like their time. Without the right to it, it does without.
const generatorNice = -15

// at sends requests to an address for a while.
func (l openLoop) at(address string, connections int) (latency, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer goFirst()()
	defer l.close()
	if err := l.open(address, connections); err != nil {
		return latency{}, err
	}
	if err := l.run(); err != nil {
		return latency{}, fmt.Errorf("%d of %d answered: %w", len(l.times), l.total, err)
	}
	slices.Sort(l.times)
	return latency{P50: quantile(l.times, 0.5), P99: quantile(l.times, 0.99), P999: quantile(l.times, 0.999)}, nil
}

// goFirst raises the priority of the calling thread, as far as that is allowed, until done is called.
func goFirst() (done func()) {
	before, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil || unix.Setpriority(unix.PRIO_PROCESS, 0, generatorNice) != nil {
		return func() {}
	}
	return func() { _ = unix.Setpriority(unix.PRIO_PROCESS, 0, 20-before) } // the kernel tells it as 20 - nice
}

// quantile of sorted values, which are not empty: the smallest that is not exceeded by that part of them.
func quantile(sorted []time.Duration, part float64) time.Duration {
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

func newOpenLoop(rate int, length time.Duration, request []byte) openLoop {
	total := int(length.Seconds() * float64(rate))
	return openLoop{
		interval: time.Second / time.Duration(rate), total: total, request: request,
		epoll: -1, timer: -1, callers: map[int32]*caller{}, times: make([]time.Duration, 0, total),
	}
}

func (l *openLoop) open(address string, connections int) (err error) {
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	// A timer of its own: the time-out of epoll_wait has whole milliseconds, and slack.
	if l.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	if err := l.watch(l.timer); err != nil {
		return err
	}
	for range connections {
		if err := l.call(address); err != nil {
			return err
		}
	}
	return nil
}

func (l *openLoop) call(address string) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	c := &caller{fd: fd}
	l.callers[int32(fd)] = c
	l.idle = append(l.idle, c)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(target.Port()), Addr: target.Addr().As4()}); err != nil {
		return os.NewSyscallError("connect", err)
	}
	noDelay := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return errors.Join(noDelay, unix.SetNonblock(fd, true), l.watch(fd))
}

func (l *openLoop) watch(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &event))
}

func (l *openLoop) close() {
	for _, c := range l.callers {
		unix.Close(c.fd)
	}
	unix.Close(l.timer) // -1 where it was not opened: does no harm
	unix.Close(l.epoll)
}

// run ends when all requests are answered, or when the last ones take too long. The timer goes on until then, so that a
// wait has an end.
func (l *openLoop) run() error {
	every := unix.NsecToTimespec(l.interval.Nanoseconds())
	l.began = time.Now()
	if err := unix.TimerfdSettime(l.timer, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil); err != nil {
		return os.NewSyscallError("timerfd_settime", err)
	}
	limit := time.Duration(l.total)*l.interval + patience
	events := make([]unix.EpollEvent, 64)
	for len(l.times) < l.total {
		n, err := unix.EpollWait(l.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, event := range events[:max(n, 0)] {
			if err := l.ready(event.Fd); err != nil {
				return err
			}
		}
		if err := l.sendDue(); err != nil {
			return err
		}
		if time.Since(l.began) > limit {
			return fmt.Errorf("no answer within %v", patience)
		}
	}
	return nil
}

func (l *openLoop) ready(fd int32) error {
	if int(fd) == l.timer {
		var expirations [8]byte
		_, err := unix.Read(l.timer, expirations[:]) // only to be woken again: the clock tells what is due
		return ignoreAgain(err)
	}
	return l.receive(l.callers[fd])
}

// sendDue sends what is due, as far as connections are free.
func (l *openLoop) sendDue() error {
	now := time.Since(l.began)
	for len(l.idle) > 0 && l.sent < l.total {
		due := time.Duration(l.sent) * l.interval
		if due > now {
			return nil
		}
		c := l.idle[0]
		l.idle = append(l.idle[:0], l.idle[1:]...) // 64 pointers: cheaper than to be clever
		c.due, c.size = due, 0
		l.sent++
		if n, err := unix.Write(c.fd, l.request); err != nil || n < len(l.request) {
			return fmt.Errorf("sent %d of %d bytes: %w", n, len(l.request), err)
		}
	}
	return nil
}

func (l *openLoop) receive(c *caller) error {
	n, err := unix.Read(c.fd, c.buffer[c.size:])
	if err == unix.EAGAIN {
		return nil
	}
	if err != nil || n == 0 {
		return fmt.Errorf("the connection ended: %w", errors.Join(err, errClosed))
	}
	c.size += n
	if !bytes.HasSuffix(c.buffer[:c.size], []byte(smallBody)) {
		if c.size == len(c.buffer) {
			return fmt.Errorf("unexpected response: %q", c.buffer[:c.size])
		}
		return nil
	}
	l.times = append(l.times, time.Since(l.began)-c.due)
	l.idle = append(l.idle, c)
	return nil
}

var errClosed = errors.New("closed by the other side")

func ignoreAgain(err error) error {
	if err == unix.EAGAIN {
		return nil
	}
	return err
}
