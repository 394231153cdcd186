//go:build sim

package transport

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// In a simulation (build tag sim) the sockets are those of a kernel in memory. Several simulations run side by side, each in
// a lane of its own: all descriptors of a lane leave its number when divided by Lanes, and the addresses that can be
// connected to have it as their second byte.

// Lanes is how many simulations a process can run at a time.
const Lanes = 8

// Sockets are the calls of a kernel in memory, with the meaning of the system calls that the real ones make. Numbers of
// errors are 0 when all went well.
type Sockets interface {
	Receive(fd int, b []byte) (int, unix.Errno)
	Send(fd int, parts [][]byte) (int, unix.Errno)
	Accept(fd int) (int, netip.AddrPort, error)
	Connect(address netip.AddrPort) (int, error)
	// Err fetches and clears the error of a socket.
	Err(fd int) error
	// Silent reports whether peeking would block.
	Silent(fd int) bool
	// Room is how many bytes could be sent at once.
	Room(fd int) int
	Shutdown(fd int)
	ResetOnClose(fd int)
	Close(fd int)
}

var lanes [Lanes]Sockets

// Simulate makes s the kernel of a lane, before anything else is done there.
func Simulate(lane int, s Sockets) { lanes[lane] = s }

func laneOf(fd int) Sockets { return lanes[fd%Lanes] }

const sendMore = 0

func receive(fd int, b []byte) (int, unix.Errno) { return laneOf(fd).Receive(fd, b) }

func send(fd int, b []byte, _ int) (int, unix.Errno) { return laneOf(fd).Send(fd, [][]byte{b}) }

func sendParts(fd int, parts [][]byte, _ int) (int, unix.Errno) { return laneOf(fd).Send(fd, parts) }

func nothingToPeek(fd int) bool { return laneOf(fd).Silent(fd) }

func sendRoom(fd int) int { return laneOf(fd).Room(fd) }

func accept(fd int) (int, netip.AddrPort, error) { return laneOf(fd).Accept(fd) }

func queued(int) int { return longestQueue }

func connect(address netip.AddrPort) (int, error) {
	return lanes[address.Addr().As4()[1]%Lanes].Connect(address)
}

func socketError(fd int) error { return laneOf(fd).Err(fd) }

func shutdownWrite(fd int) { laneOf(fd).Shutdown(fd) }

func resetOnClose(fd int) { laneOf(fd).ResetOnClose(fd) }

func closeSocket(fd int) { laneOf(fd).Close(fd) }
