package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// crowd is a number of clients that send requests all the time, each on a connection of its own, until it is told to
// stop or its connection ends.
type crowd struct {
	running sync.WaitGroup
	stopped chan struct{}

	mu       sync.Mutex
	answered map[int]int   // responses, by the client's port
	failed   map[int]error // how connections ended that were not to
}

// startCrowd returns when each client has had an answer.
func startCrowd(t *testing.T, b *balancer, size int) *crowd {
	t.Helper()
	c := &crowd{stopped: make(chan struct{}), answered: map[int]int{}, failed: map[int]error{}}
	for range size {
		client := b.dial(t)
		c.running.Go(func() { c.run(client) })
	}
	t.Cleanup(c.stop)
	if !eventually(func() bool { return len(c.progress()) == size }, nil) {
		t.Fatalf("%d of %d clients were served", len(c.progress()), size)
	}
	return c
}

func (c *crowd) run(client *client) {
	port := client.port()
	for !c.done() {
		err := ask(client.TCPConn, client.reader)
		c.mu.Lock()
		if err == nil {
			c.answered[port]++
		} else {
			c.failed[port] = err
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func ask(conn net.Conn, reader *bufio.Reader) error {
	if _, err := io.WriteString(conn, head("GET", "/")); err != nil {
		return err
	}
	m, err := readMessage(reader, "GET")
	if err == nil && m.status() != 200 {
		err = fmt.Errorf("%v", m)
	}
	return err
}

func (c *crowd) done() bool {
	select {
	case <-c.stopped:
		return true
	default:
		return false
	}
}

// stop lets each client finish its request. It may be called twice.
func (c *crowd) stop() {
	if !c.done() {
		close(c.stopped)
	}
	c.running.Wait()
}

// progress is a copy of how many answers each client has.
func (c *crowd) progress() map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	copied := make(map[int]int, len(c.answered))
	for port, n := range c.answered {
		copied[port] = n
	}
	return copied
}

func (c *crowd) failures() map[int]error {
	c.mu.Lock()
	defer c.mu.Unlock()
	copied := make(map[int]error, len(c.failed))
	for port, err := range c.failed {
		copied[port] = err
	}
	return copied
}

// goesOn demands that each client that is left gets another ten answers.
func (c *crowd) goesOn(t *testing.T) {
	t.Helper()
	before := c.progress()
	further := func() bool {
		ended := c.failures()
		for port, n := range c.progress() {
			if ended[port] == nil && n < before[port]+10 {
				return false
			}
		}
		return true
	}
	if !eventually(further, nil) {
		t.Errorf("clients are no longer served: %v, before %v", c.progress(), before)
	}
}

func (c *client) port() int { return c.LocalAddr().(*net.TCPAddr).Port }

// loops tells on which event loop of the balancer each client's connection is: an epoll descriptor, by the client's
// port. The kernel is asked, so that nothing of lb has to be believed.
func (b *balancer) loops(t *testing.T) map[int]string {
	t.Helper()
	inodes := b.clientInodes(t)
	loops := map[int]string{}
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", b.cmd.Process.Pid))
	if err != nil || len(infos) == 0 {
		t.Skipf("needs /proc: %v", err)
	}
	for _, info := range infos {
		text, _ := os.ReadFile(info) // of a descriptor that was closed meanwhile there is none
		for _, line := range strings.Split(string(text), "\n") {
			if _, inode, found := strings.Cut(line, " ino:"); found && strings.HasPrefix(line, "tfd:") {
				if port, ours := inodes[strings.Fields(inode)[0]]; ours {
					loops[port] = filepath.Base(info)
				}
			}
		}
	}
	return loops
}

// clientInodes finds the balancer's sockets of clients: the port of each, by its inode in hexadecimal digits.
func (b *balancer) clientInodes(t *testing.T) map[string]int {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	_, listening, _ := net.SplitHostPort(b.addr)
	inodes := map[string]int{}
	for _, line := range strings.Split(string(table), "\n")[1:] {
		fields := strings.Fields(line)
		if len(fields) < 10 || hexPort(fields[1]) != listening {
			continue
		}
		inode, _ := strconv.ParseUint(fields[9], 10, 64)
		port, _ := strconv.Atoi(hexPort(fields[2]))
		inodes[strconv.FormatUint(inode, 16)] = port
	}
	return inodes
}

func hexPort(address string) string {
	_, digits, _ := strings.Cut(address, ":")
	port, _ := strconv.ParseUint(digits, 16, 16)
	return strconv.FormatUint(port, 10)
}

// newcomers are so many new connections that send a request each at the same time. They stay open; the result is how
// long the last of them waited for its answer.
func (b *balancer) newcomers(t *testing.T, n int) (ports []int, slowest time.Duration) {
	t.Helper()
	var running sync.WaitGroup
	waited := make([]time.Duration, n)
	errs := make([]error, n)
	for i := range n {
		client := b.dial(t)
		ports = append(ports, client.port())
		running.Go(func() {
			began := time.Now()
			errs[i] = ask(client.TCPConn, client.reader)
			waited[i] = time.Since(began)
		})
	}
	running.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("new connection %d: %v", i, err)
		}
		slowest = max(slowest, waited[i])
	}
	return ports, slowest
}
