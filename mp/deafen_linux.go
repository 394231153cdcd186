package mp

import "golang.org/x/sys/unix"

// deafen has the kernel drop every packet for a listening socket (socket(7), SO_ATTACH_FILTER). A client that knocks
// then is not refused: it knocks again a second later, when the socket is closed or somebody else's.
func deafen(fd int) error {
	dropAll := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(dropAll)), Filter: &dropAll[0]})
}
