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
