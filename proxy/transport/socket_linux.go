//go:build !sim

package transport

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of the hot path are raw: they do not block, so the scheduler need not hear of them.

func receive(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
		uintptr(len(b)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// sendMore says that more follows at once.
const sendMore = unix.MSG_MORE

func send(fd int, b []byte, flags int) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
		uintptr(len(b)), uintptr(unix.MSG_NOSIGNAL|flags), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func sendParts(fd int, parts [][]byte, flags int) (int, unix.Errno) {
	var vectors [maxParts]unix.Iovec
	n := 0
	for _, p := range parts {
		vectors[n].Base = unsafe.SliceData(p)
		vectors[n].SetLen(len(p))
		n++
	}
	m := unix.Msghdr{Iov: &vectors[0]}
	m.SetIovlen(n)
	sent, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)),
		uintptr(unix.MSG_NOSIGNAL|flags))
	if errno != 0 {
		return 0, errno
	}
	return int(sent), 0
}

func nothingToPeek(fd int) bool {
	var one [1]byte
	_, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&one)), 1,
		unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return errno == unix.EAGAIN
}

func accept(fd int) (int, netip.AddrPort, error) {
	var raw unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	n, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)),
		uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, netip.AddrPort{}, errno
	}
	return int(n), peerOf(&raw), nil
}

// queued asks how many connections wait to be accepted. For a listening socket the field holds that (tcp_get_info in the
// kernel's net/ipv4/tcp.c).
func queued(fd int) int {
	state, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return longestQueue
	}
	return int(state.Unacked)
}

// sendRoom asks for SO_MEMINFO (socket(7), linux/sock_diag.h): what the send queue may hold, less what it holds.
func sendRoom(fd int) int {
	const sendBuffer, queued, values = 3, 5, 9
	var info [values]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return int(info[sendBuffer]) - int(info[queued])
}

// peerOf reads an address without the allocations of unix.Sockaddr.
func peerOf(raw *unix.RawSockaddrAny) netip.AddrPort {
	port := func(p *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }
	switch raw.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), port(&a.Port))
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), port(&a.Port))
	}
	return netip.AddrPort{}
}

func closeSocket(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

func connect(address netip.AddrPort) (int, error) {
	fd, err := unix.Socket(family(address.Addr()), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return begun(fd, address, unix.Connect(fd, toSockaddr(address)))
}
