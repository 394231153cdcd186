package mp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lb/messages"
)

const (
	// maxQueued bounds what waits for a process that does not read, in bytes. Over it the link ends: the process hangs.
	maxQueued = 64 << 20
	// maxRights is how many descriptors travel with one value; the kernel takes 253 (unix(7), SCM_MAX_FD).
	maxRights = 128
	// stuckAfter is how long a process may leave the link unread before it counts as dead, once the kernel holds no more.
	stuckAfter = 5 * time.Second
)

var (
	errLinkClosed = errors.New("the link is closed")
	errLinkFull   = errors.New("the other process does not read")
)

// Spawn runs a function on a goroutine of its own. The name says what it does.
type Spawn func(name string, run func())

// Link carries values of package messages between two processes, and descriptors with them. It may be used by several
// goroutines, but Receive by one only.
type Link struct {
	conn *net.UnixConn
	sys  system

	mu     sync.Mutex
	queue  []parcel
	queued int // bytes
	failed error
	wake   chan struct{} // holds a token when there is something to send or the link ends
	done   chan struct{} // closed when the sender has ended

	rights []int // that came with the value being read; the receiver's only
}

// parcel is one value on its way.
type parcel struct {
	bytes  []byte
	rights []int
	given  bool // the descriptors are closed once they are sent
}

func newLink(s system, fd int, spawn Spawn) (*Link, error) {
	conn, err := s.link(fd)
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	l := &Link{conn: conn, sys: s, wake: make(chan struct{}, 1), done: make(chan struct{})}
	spawn("link", l.run)
	return l, nil
}

// Send queues a value and descriptors, which stay the caller's and must stay open until Flush. It never waits. After an
// error, of this call or of an earlier one, nothing goes out any more.
func (l *Link) Send(value any, lent ...int) error { return l.put(value, lent, false) }

// Give is Send for descriptors that are closed here once they are on their way, or cannot be sent. Those of many go
// with several copies of the value.
func (l *Link) Give(value any, given []int) error {
	for some := range slices.Chunk(given, maxRights) {
		if err := l.put(value, some, true); err != nil {
			return err
		}
	}
	return nil
}

func (l *Link) put(value any, rights []int, given bool) error {
	bytes, err := messages.AppendFrame(nil, value)
	p := parcel{bytes, slices.Clone(rights), given}
	l.mu.Lock()
	switch {
	case err != nil:
	case l.failed != nil:
		err = l.failed
	case l.queued+len(bytes) > maxQueued:
		l.failed, err = errLinkFull, errLinkFull
	default:
		l.queue = append(l.queue, p)
		l.queued += len(bytes)
	}
	l.mu.Unlock()
	if err != nil {
		l.discard(p)
	}
	l.signal()
	return err
}

// Receive waits for the next value and the descriptors that came with it, which are the caller's. A value of an unknown
// kind is nil, and its descriptors are closed: rather an end than a connection that nobody serves. The error is io.EOF at
// the end of the other process.
func (l *Link) Receive() (value any, rights []int, err error) {
	value, err = messages.ReadFrame(reader{l})
	rights, l.rights = l.rights, nil
	if value == nil {
		closeAll(l.sys, rights)
		rights = nil
	}
	if errors.Is(err, unix.ECONNRESET) {
		err = io.EOF // it ended with values of ours unread
	}
	return value, rights, err
}

// Close sends what is queued, for so long at most, and ends the link. Receive returns an error then.
func (l *Link) Close(within time.Duration) {
	l.fail(errLinkClosed)
	l.signal()
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-l.done:
	case <-late.C:
	}
	_ = l.conn.Close() // whatever it says, the other end sees the end
}

func (l *Link) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *Link) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = err
	}
}

// run sends until the link ends.
func (l *Link) run() {
	defer close(l.done)
	for range l.wake {
		for {
			p, more := l.next()
			if !more {
				break
			}
			if err := l.transmit(p); err != nil {
				l.fail(err)
				l.discardAll()
			}
			l.discard(p)
		}
		if l.ended() {
			return
		}
	}
}

func (l *Link) next() (p parcel, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.queue = nil
		return p, false
	}
	p = l.queue[0]
	l.queue = l.queue[1:]
	l.queued -= len(p.bytes)
	return p, true
}

func (l *Link) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed != nil && len(l.queue) == 0
}

// transmit sends a value. Its descriptors travel with its first bytes.
func (l *Link) transmit(p parcel) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(stuckAfter)); err != nil {
		return err
	}
	rest := p.bytes
	if len(p.rights) > 0 {
		n, _, err := l.conn.WriteMsgUnix(rest, unix.UnixRights(p.rights...), nil)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	_, err := l.conn.Write(rest)
	return err
}

func (l *Link) discardAll() {
	for p, more := l.next(); more; p, more = l.next() {
		l.discard(p)
	}
}

// discard closes descriptors that were given away.
func (l *Link) discard(p parcel) {
	if !p.given {
		return
	}
	for _, fd := range p.rights {
		_ = l.sys.close(fd) // that of a socket which the other process has by now
	}
}

// reader reads bytes of a link and puts descriptors aside that come with them. The kernel hands them out with the first
// byte that they were sent with, so that they never belong to a value after the one that is read.
type reader struct{ *Link }

// Read implements io.Reader.
func (r reader) Read(b []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(maxRights*4))
	n, oobn, _, _, err := r.conn.ReadMsgUnix(b, oob)
	if oobn > 0 {
		r.keep(oob[:oobn])
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (r reader) keep(oob []byte) {
	control, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return
	}
	for i := range control {
		if fds, err := unix.ParseUnixRights(&control[i]); err == nil {
			r.rights = append(r.rights, fds...)
		}
	}
}
