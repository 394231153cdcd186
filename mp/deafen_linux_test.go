package mp

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// What stands in the queues can be accepted after either way to deafen; only the filter may take privileges.
func TestSocketsThatMovedAwayKeepTheirQueues(t *testing.T) {
	kernelOnly := kernel()
	kernelOnly.deafen = moveAway
	l, err := kernelOnly.listeners("127.0.0.1", 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	waiting := dial(t, l.Addr().String())
	defer waiting.Close()
	if err := l.Deafen(); err != nil {
		t.Fatal(err)
	}
	if late, err := net.Dial("tcp", l.Addr().String()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a late client: %v, want it refused", err)
		if err == nil {
			late.Close()
		}
	}
	_, fd := accept(t, l)
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := waiting.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("the client that waited: %d bytes, %v", n, err)
	}
}
