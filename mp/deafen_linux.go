package mp

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

// nowhere is the number of no network interface.
const nowhere = math.MaxInt32

// deafen has the kernel drop every packet for a listening socket (socket(7), SO_ATTACH_FILTER). A client that knocks
// then is not refused: it knocks again a second later, when the socket is closed or somebody else's. Where the kernel
// keeps filters to the privileged, it refuses those who knock, but keeps those who have begun to come in.
func deafen(fd int) error {
	dropAll := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(dropAll)), Filter: &dropAll[0]})
	if errors.Is(err, unix.EPERM) {
		return moveAway(fd)
	}
	return err
}

// moveAway binds a listening socket to an interface that is none, so that no new connection finds it. Handshakes that
// run are not looked up by interface any more and end in its queue. Since Linux 5.7 that takes no privilege, unless the
// socket has an interface already.
func moveAway(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, nowhere)
}
