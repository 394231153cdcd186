package transport

import (
	"errors"
	"net/netip"

	"lb/proxy/loop"
)

// maxSpare bounds how many output buffers are kept for the next connection whose peer does not read, 64 KiB each.
const maxSpare = 32

// WideSize is the size in bytes of a wide read: of a body whose sender is ahead of us while its receiver keeps up. Each read
// and each send wakes a process at the other end, and that is most of what a large body costs.
const WideSize = 512 << 10

// Network makes the connections of one loop and holds what they share.
type Network struct {
	Loop *loop.Loop

	wide  []byte   // made at the first wide read
	spare [][]byte // emptied output buffers
}

// User is what a connection belongs to. It is called on the loop's thread.
type User interface {
	// Connected says that a connection made by Dial stands. A failed one is Broken.
	Connected()
	// Readable says that bytes, or the end of them, may be read.
	Readable()
	// Flushed says that the output queue, which was not empty, is empty.
	Flushed()
	// Broken says that the connection could not be made, for the reason err, or that it is dead in both directions. Then
	// err is nil: what was received before can still be read, and after it the reason.
	Broken(err error)
	// Late says that the deadline has passed. It is gone then.
	Late()
	// Crashed says that one of these calls panicked.
	Crashed()
}

// ErrNotNow is returned by Read when there is nothing to read at present.
var ErrNotNow = errors.New("nothing to read now")

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

// ReadBuffer returns the loop's scratch buffer, or the wide one, which has the same owners.
func (n *Network) ReadBuffer(wide bool) []byte {
	if !wide {
		return n.Loop.Scratch()
	}
	if n.wide == nil {
		n.wide = make([]byte, WideSize)
	}
	return n.wide
}

func (n *Network) buffer() []byte {
	if last := len(n.spare) - 1; last >= 0 {
		b := n.spare[last]
		n.spare = n.spare[:last]
		return b
	}
	return make([]byte, 0, loop.ScratchSize)
}

func (n *Network) release(b []byte) {
	if len(n.spare) < maxSpare && cap(b) <= 2*loop.ScratchSize {
		n.spare = append(n.spare, b[:0])
	}
}
