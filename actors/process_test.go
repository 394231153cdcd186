package actors

import (
	"os"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"lb/messages"
)

// mute is a process that notes what it is sent, as far as the wire can carry it.
type mute struct {
	WorkerProcess
	pages []messages.Page
}

func (m *mute) Send(value any, _ ...int) error {
	if _, err := messages.AppendFrame(nil, value); err != nil {
		return err
	}
	m.pages = append(m.pages, value.(messages.Page))
	return nil
}

// descriptor is an open one.
func descriptor(t *testing.T) int {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fd, err := syscall.Dup(int(r.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func isOpen(fd int) bool {
	var s syscall.Stat_t
	return syscall.Fstat(fd, &s) == nil
}

// The clients of connections that nobody serves any more learn of it.
func TestSocketsOfAnEarlierProcessAreClosed(t *testing.T) {
	fd := descriptor(t)
	w := &workerProcess{process: &mute{}}
	w.told(nil, told{by: &mute{}, value: messages.ConnectionsMoved{}, rights: []int{fd}})
	if isOpen(fd) {
		t.Error("the socket is still open")
	}
}

// A client that asked for a page which does not fit on the wire is told so, rather than nothing for ever.
func TestPageThatIsTooLargeIsAnswered(t *testing.T) {
	p := &mute{}
	w := &workerProcess{process: p, station: newStation(0, nil, nil, func(_ string, reply func(int, string, []byte)) {
		reply(200, "text/plain", make([]byte, messages.MaxFrame))
	})}
	w.told(nil, told{by: p, value: messages.PageAsked{Number: 7, Path: "/metrics"}})
	if len(p.pages) != 1 || p.pages[0].Number != 7 || p.pages[0].Status != 500 {
		t.Errorf("the answers are %+v", p.pages)
	}
}

// A process that has no room for more descriptors goes on with the sockets it has.
func TestOrderToAcceptWithoutSocketsIsNotObeyed(t *testing.T) {
	fd := descriptor(t)
	defer syscall.Close(fd)
	u := &uplink{WorkerOptions: WorkerOptions{Sockets: []int{fd}}, log: zerolog.Nop()}
	u.listen(nil, messages.Accept{Workers: 2}, nil)
	if len(u.Sockets) != 1 || !isOpen(fd) {
		t.Errorf("the sockets are %v", u.Sockets)
	}
}

// What is lent comes with one socket; others are nobody's.
func TestLoanOfSeveralSocketsIsRefused(t *testing.T) {
	fds := []int{descriptor(t), descriptor(t)}
	u := &uplink{lent: make(map[int]int)}
	u.lend(nil, messages.Lend{Socket: 9}, fds)
	if len(u.lent) != 0 || isOpen(fds[0]) || isOpen(fds[1]) {
		t.Errorf("lent are %v", u.lent)
	}
}
