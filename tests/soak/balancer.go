//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// The times that lb is to keep here are short, so that all of them run out now and then.
const (
	idleTimeout     = 20 * time.Second
	headerTimeout   = 4 * time.Second
	bodyTimeout     = 5 * time.Second
	responseTimeout = 3 * time.Second
	drainTimeout    = 20 * time.Second
)

// workers of each lb.
const workers = 2

// balancer is an lb whose process may change: who serves is written in its pid file.
type balancer struct {
	dir    string
	addr   string
	client *http.Client // of the control socket
	first  *exec.Cmd
	ended  chan struct{} // the first process is gone
}

// startBalancer starts lb with the configuration file that is in the directory.
func startBalancer(binary, mode, dir string, more ...string) (*balancer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	b := &balancer{dir: dir, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), ended: make(chan struct{})}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", b.path("control"))
	}
	b.client = &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: patience}
	args := []string{
		"-c", b.path("config"), "--host", "127.0.0.1", "-p", strconv.Itoa(port), "--mode", mode, "-w", strconv.Itoa(workers),
		"--pid-file", b.path("pid"), "--control-socket", b.path("control"), "--log-file", b.path("log"),
		"--idle-timeout", idleTimeout.String(), "--header-timeout", headerTimeout.String(),
		"--body-timeout", bodyTimeout.String(), "--response-timeout", responseTimeout.String(),
		"--drain-timeout", drainTimeout.String(), "--health-interval", "1s", "--health-timeout", "1s",
	}
	b.first = exec.Command(binary, append(args, more...)...)
	stderr, err := os.Create(b.path("stderr"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	b.first.Stdout, b.first.Stderr = stderr, stderr
	if err := b.first.Start(); err != nil {
		return nil, err
	}
	go func() { b.first.Wait(); close(b.ended) }()
	return b, b.await("to serve", func() bool { s, err := b.status(); return err == nil && s.Ready })
}

var lastPort atomic.Int32

// freePort is below the range of outgoing connections, so that none of those takes it, and is found once.
func freePort() (int, error) {
	for range 1000 {
		port := 20000 + (os.Getpid()*31+int(lastPort.Add(1)))%12000
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return 0, err
		}
	}
	return 0, errors.New("no free port")
}

func (b *balancer) path(name string) string { return filepath.Join(b.dir, name) }

// pid of the process that serves; 0 when nobody has written one.
func (b *balancer) pid() int {
	text, err := os.ReadFile(b.path("pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// awaitLimit is for what lb does within a second, on a machine that may be busy.
const awaitLimit = 30 * time.Second

// await polls until the condition holds.
func (b *balancer) await(what string, condition func() bool) error {
	for began := time.Now(); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > awaitLimit {
			return fmt.Errorf("waited for %v for lb %s", awaitLimit, what)
		}
	}
	return nil
}

// page gets a page from the control socket.
func (b *balancer) page(path string) ([]byte, error) {
	response, err := b.client.Get("http://lb" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, response.Status)
	}
	return body, err
}

// status is what is wanted of the page.
type status struct {
	PID    int
	Ready  bool
	Config struct {
		Applied int `json:"reloads_applied"`
		Refused int `json:"reloads_refused"`
	}
	Traffic struct {
		InFlight    int `json:"in_flight"`
		Connections int
	}
	Workers []struct {
		Up       bool
		PID      int
		Restarts int
	}
	Backends []struct {
		ID, State   string
		InFlight    int `json:"in_flight"`
		Connections int
	}
}

func (b *balancer) status() (s status, err error) {
	body, err := b.page("/status")
	if err == nil {
		err = json.Unmarshal(body, &s)
	}
	return s, err
}

// lines are the connections to backends that are open.
func (s *status) lines() (n int) {
	for _, b := range s.Backends {
		n += b.Connections
	}
	return n
}

// allUp reports whether all backends are, and all workers.
func (s *status) allUp() bool {
	for _, b := range s.Backends {
		if b.State != "up" {
			return false
		}
	}
	up := 0
	for _, w := range s.Workers {
		if w.Up {
			up++
		}
	}
	return up == workers
}

// atRest reports whether lb has nothing to do and holds nothing.
func (s *status) atRest() bool {
	return s.Traffic.InFlight == 0 && s.Traffic.Connections == 0 && s.lines() == 0 && s.allUp()
}

// upgrade has another process take over and waits until the old one is gone.
func (b *balancer) upgrade() error {
	old := b.pid()
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
		return err
	}
	if err := b.await("to be another process", func() bool { return b.pid() != old && b.pid() != 0 }); err != nil {
		return err
	}
	return b.await("to end as the old process", func() bool { return !runs(old) })
}

// runs reports whether a process exists and is no zombie.
func runs(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	p, err := parseStat(text)
	return err == nil && p.state != 'Z'
}

// stop ends lb as an operator would.
func (b *balancer) stop() error {
	pid := b.pid()
	if pid == 0 {
		return errors.New("nobody serves at the end")
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	return b.await("to end", func() bool { return !runs(pid) })
}

// kill ends whatever is left, and tells it.
func (b *balancer) kill() (left []int) {
	for _, pid := range b.processes() {
		left = append(left, pid)
		syscall.Kill(pid, syscall.SIGKILL)
	}
	return left
}

// processes are all that have the directory in their command line, those that drain included.
func (b *balancer) processes() (pids []int) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		line, err := os.ReadFile(name)
		if err == nil && pid != os.Getpid() && bytes.Contains(line, []byte(b.path("control"))) && runs(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}
