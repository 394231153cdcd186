package transport

import (
	"net/netip"

	"lb/proxy/loop"
)

// maxSpare bounds how many output buffers are kept for the next connection whose peer does not read, 64 KiB each.
const maxSpare = 32

// WideSize is the size in bytes of a wide read: of a body whose sender is ahead of us while its receiver keeps up. Each
// read and each send wakes a process at the other end, and that is most of what a large body costs.
const WideSize = 512 << 10

// bodySize is what is read of a body, and so buffered for a receiver that does not keep up.
const bodySize = 64 << 10

// Network makes the connections of one loop and holds what they share.
type Network struct {
	Loop *loop.Loop
	// Go runs a function on a goroutine of that name; a panic in it must go no further. Needed by DialTLS.
	Go func(name string, run func())
	// Tracer shows what passes; nil: nothing is shown.
	Tracer *Tracer

	outbox outbox
	cipher Gather   // records that are on their way to the kernel; empty between two calls
	wide   []byte   // made at the first wide read
	spare  [][]byte // emptied output buffers
}

// User is what a connection belongs to. It is called on the loop's thread.
type User interface {
	// Connected says that a connection made by Dial or DialTLS stands. A failed one is Broken.
	Connected()
	// Readable says that bytes, or the end of them, may be read.
	Readable()
	// Flushed says that the output queue, which was not empty, is empty.
	Flushed()
	// Broken says that the connection could not be made, for the reason err, or that it is dead in both directions.
	// Then err is nil: what was received before can still be read, and after it the reason.
	Broken(err error)
	// Late says that the deadline has passed. It is gone then.
	Late()
	// Crashed says that one of these calls panicked.
	Crashed()
}

// ErrNotNow is returned by Read when there is nothing to read at present.
var ErrNotNow error = notNow{}

// notNow is a temporary net.Error: at one, crypto/tls keeps the part of a record that it has, and goes on from there.
type notNow struct{}

func (notNow) Error() string   { return "nothing to read now" }
func (notNow) Timeout() bool   { return true }
func (notNow) Temporary() bool { return true }

// Dial begins to connect to an address; u is told how it ends. An error means that not even that was possible: no
// descriptor left, no route.
func (n *Network) Dial(address netip.AddrPort, u User) (*Conn, error) {
	fd, err := connect(address)
	if err != nil {
		return nil, err
	}
	return n.adopt(fd, u, connecting)
}

// Adopt takes a connected, non-blocking socket and owns it from then on.
func (n *Network) Adopt(fd int, u User) (*Conn, error) { return n.adopt(fd, u, 0) }

func (n *Network) adopt(fd int, u User, s status) (*Conn, error) {
	c := &Conn{net: n, fd: fd, user: u, status: s}
	c.timer.Owner = c
	if err := n.Loop.Register(fd, c); err != nil {
		closeSocket(fd)
		return nil, err
	}
	return c, nil
}

// HeadBuffer returns the buffer for bytes that begin with a head: the loop's scratch buffer, in which a head and 64 KiB
// behind it have room.
func (n *Network) HeadBuffer() []byte { return n.Loop.Scratch() }

// BodyBuffer returns the buffer for the next bytes of a body, 64 KiB or wide. It has the same owners as the loop's
// scratch buffer, which the smaller one is part of.
func (n *Network) BodyBuffer(wide bool) []byte {
	if !wide {
		return n.Loop.Scratch()[:bodySize]
	}
	if n.wide == nil {
		n.wide = make([]byte, WideSize)
	}
	return n.wide
}

// Reset drops what was sealed and not sent, after a panic in between.
func (n *Network) Reset() { n.cipher.Reset() }

func (n *Network) buffer() []byte {
	if last := len(n.spare) - 1; last >= 0 {
		b := n.spare[last]
		n.spare = n.spare[:last]
		return b
	}
	return make([]byte, 0, bodySize)
}

func (n *Network) release(b []byte) {
	if len(n.spare) < maxSpare && cap(b) <= 2*bodySize {
		n.spare = append(n.spare, b[:0])
	}
}
