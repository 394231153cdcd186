package mp

import (
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lb/messages"
)

func TestLinkCarriesDescriptors(t *testing.T) {
	before := openDescriptors(t)
	var running sync.WaitGroup
	spawn := func(_ string, run func()) { running.Go(run) }
	a, b := linked(t, spawn)
	const many = 3*maxRights + 1
	var given []int
	for range many {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, fd)
	}
	if err := a.Give(messages.ConnectionsMoved{}, given); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(messages.Lend{Socket: 7}, 0); err != nil {
		t.Fatal(err)
	}
	arrived := 0
	for arrived < many {
		value, rights, err := b.Receive()
		if err != nil || value != (messages.ConnectionsMoved{}) {
			t.Fatalf("%v, %v", value, err)
		}
		arrived += len(rights)
		closeAll(kernel(), rights)
	}
	value, rights, err := b.Receive()
	if err != nil || value != (messages.Lend{Socket: 7}) || len(rights) != 1 || arrived != many {
		t.Errorf("%v with %d descriptors, %v; %d before, want %d", value, len(rights), err, arrived, many)
	}
	closeAll(kernel(), rights)
	a.Close(time.Second)
	if _, _, err := b.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	b.Close(0)
	running.Wait()
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

// A newer version may hand over what this one has no word for.
func TestLinkClosesDescriptorsOfUnknownKinds(t *testing.T) {
	var running sync.WaitGroup
	a, b := linked(t, func(_ string, run func()) { running.Go(run) })
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(pipe[0])
	unix.CloseOnExec(pipe[1])
	text := `{"kind":"hymn","value":{}}`
	wire := append([]byte{0, 0, 0, byte(len(text))}, text...)
	if err := a.transmit(parcel{bytes: wire, rights: pipe[1:]}); err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(pipe[1])
	if value, rights, err := b.Receive(); value != nil || len(rights) > 0 || err != nil {
		t.Errorf("%v with %v, %v", value, rights, err)
	}
	if err := unix.SetNonblock(pipe[0], true); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Read(pipe[0], make([]byte, 1)); n != 0 || err != nil { // EAGAIN while somebody may still write
		t.Errorf("the descriptor is open: %v", err)
	}
	_ = unix.Close(pipe[0])
	a.Close(0)
	b.Close(0)
	running.Wait()
}

func linked(t *testing.T, spawn Spawn) (a, b *Link) {
	t.Helper()
	ours, theirs, err := pair()
	if err == nil {
		a, err = newLink(kernel(), ours, spawn)
	}
	if err == nil {
		b, err = newLink(kernel(), theirs, spawn)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestLinkClosesWhatItCannotSend(t *testing.T) {
	before := openDescriptors(t)
	var running sync.WaitGroup
	a, b := linked(t, func(_ string, run func()) { running.Go(run) })
	b.Close(0)
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Give(messages.ConnectionsMoved{}, []int{fd}); err != nil {
		t.Errorf("the failure shows before anything was sent: %v", err)
	}
	a.Close(time.Second)
	if err := a.Send(messages.Beat{}); err == nil {
		t.Error("a closed link takes values")
	}
	running.Wait()
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}
