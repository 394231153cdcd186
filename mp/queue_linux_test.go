package mp

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestQueuesAreAsLongAsTheKernelAllows(t *testing.T) {
	setting, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		t.Skipf("the limit cannot be read: %v", err)
	}
	limit, err := strconv.ParseUint(strings.TrimSpace(string(setting)), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	for i, fd := range open(t, "127.0.0.1", 0, 3).FDs() {
		state, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		// For a listening socket the field holds the length of its queue (tcp_get_info in the kernel's net/ipv4/tcp.c).
		if state.Sacked != uint32(limit) {
			t.Errorf("the queue of socket %d holds %d connections, want %d", i, state.Sacked, limit)
		}
	}
}
