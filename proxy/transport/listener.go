package transport

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"lb/proxy/loop"
)

// acceptsPerTurn bounds how many connections are accepted before others have their turn.
const acceptsPerTurn = 64

// longestQueue bounds the connections that may wait in a socket's queue, where the kernel does not say how many do.
const longestQueue = 64 << 10

// Acceptor is told of new connections, on the loop's thread.
type Acceptor interface {
	// Accepted gets a connected, non-blocking socket, which it owns, and reports whether it wants more now. After false
	// nothing is accepted until Resume.
	Accepted(fd int, peer netip.AddrPort) (more bool)
	// Starved says that accepting fails, for want of descriptors or memory as a rule: nothing is accepted until Resume.
	Starved(err error)
}

// Listener accepts connections from a listening socket that others own, too: it is neither made nor closed here.
type Listener struct {
	net      *Network
	acceptor Acceptor
	fd       int
	paused   bool
	gone     bool
}

// Listen accepts from fd, a non-blocking listening socket.
func (n *Network) Listen(fd int, a Acceptor) (*Listener, error) {
	l := &Listener{net: n, acceptor: a, fd: fd}
	if err := n.Loop.Register(fd, l); err != nil {
		return nil, err
	}
	n.Loop.Again(l) // connections that came before the registration
	return l, nil
}

// Ready implements loop.Handler.
func (l *Listener) Ready(loop.Events) {
	if l.paused || l.gone {
		return
	}
	for range acceptsPerTurn {
		if !l.accept() {
			return
		}
	}
	l.net.Loop.Again(l)
}

// accept takes one connection and reports whether there may be more to take now.
func (l *Listener) accept() bool {
	fd, peer, err := accept(l.fd)
	switch {
	case err == nil:
		l.paused = !l.acceptor.Accepted(fd, peer)
		return !l.paused
	case errors.Is(err, unix.EAGAIN):
		return false
	case lost(err):
		return true
	}
	// No descriptor is left, or the socket itself is at fault: to try again at once would be to spin.
	l.paused = true
	l.acceptor.Starved(err)
	return false
}

// lost reports whether accepting failed because that one connection is gone already (accept(2): such errors are to be
// treated like EAGAIN, and others may be waiting).
func lost(err error) bool {
	number, ok := err.(unix.Errno)
	if !ok {
		return false
	}
	switch number {
	case unix.ECONNABORTED, unix.EINTR, unix.EPROTO, unix.ENOPROTOOPT, unix.ETIMEDOUT,
		unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTDOWN, unix.EHOSTUNREACH:
		return true
	}
	return false
}

// Resume accepts again after a pause.
func (l *Listener) Resume() {
	if l.paused && !l.gone {
		l.paused = false
		l.net.Loop.Again(l)
	}
}

// Empty accepts all that is queued at this moment, whatever the acceptor says. What comes meanwhile is left: clients that
// connect faster than they are accepted would keep the loop here for ever.
func (l *Listener) Empty() {
	for range queued(l.fd) {
		fd, peer, err := accept(l.fd)
		switch {
		case err == nil:
			l.acceptor.Accepted(fd, peer)
		case !lost(err):
			return
		}
	}
}

// Close stops accepting. The socket stays open.
func (l *Listener) Close() {
	if !l.gone {
		l.gone = true
		l.net.Loop.Unwatch(l.fd)
	}
}
