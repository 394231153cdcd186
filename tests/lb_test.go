package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// settings of a balancer under test. A zero time-out leaves the default.
type settings struct {
	backends        []string
	args            []string // flags that only lb has
	env             []string // of a succession
	faulty          bool     // run the build that fails when it is asked to
	workers         int      // 1 when zero: then the order of events is the order of their effects
	responseTimeout time.Duration
	bodyTimeout     time.Duration
	headerTimeout   time.Duration
	tls             bool // speak TLS with the backends, through relays
	traced          bool // something is meant to be on stderr
	health          bool // keep lb's health checks: off otherwise, so that backends see the tests' requests only
}

// balancer is a running proxy: lb, or the peer named by -peer.
type balancer struct {
	addr   string
	cmd    *exec.Cmd
	stdout record
	stderr record
	exited chan struct{}
	traced bool
	err    error // of Wait; read it after exited is closed
}

// start runs a balancer until the test ends, and returns once it accepts connections.
func start(t *testing.T, s settings) *balancer {
	t.Helper()
	if s.tls || *overTLS {
		s = s.secured(t)
	}
	s = s.trusting(t)
	for attempt := 0; ; attempt++ {
		b := launch(t, s)
		if b.listening() {
			t.Cleanup(func() { b.stop(t) })
			return b
		}
		b.kill()
		if attempt == 2 {
			t.Fatalf("the balancer did not listen on %s: %v\n%s%s", b.addr, b.err, b.stdout.String(), b.stderr.String())
		}
	}
}

func launch(t *testing.T, s settings) *balancer {
	t.Helper()
	port := freePort(t)
	b := &balancer{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), exited: make(chan struct{}), traced: s.traced}
	b.cmd = command(t, s, port)
	b.cmd.Stdout, b.cmd.Stderr = &b.stdout, &b.stderr
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		b.err = b.cmd.Wait()
		close(b.exited)
	}()
	return b
}

func command(t *testing.T, s settings, port int) *exec.Cmd {
	t.Helper()
	switch *peer {
	case "nginx":
		return exec.Command(need(t, "nginx"), "-p", t.TempDir(), "-c", configFile(t, nginxProxy(s, port)))
	case "haproxy":
		return exec.Command(need(t, "haproxy"), "-f", configFile(t, haproxy(s, port)))
	}
	binary := builtBinary
	if s.faulty {
		binary = faultyBinary
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, s.flags(port)...)
}

func (s settings) flags(port int) []string {
	args := []string{"-p", strconv.Itoa(port), "--host", "127.0.0.1", "-w", strconv.Itoa(max(1, s.workers))}
	if !s.health {
		args = append(args, "--health-type", "off", "--health-fall", "0")
	}
	for _, b := range s.backends {
		args = append(args, "-b", b)
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"--response-timeout", s.responseTimeout}, {"--body-timeout", s.bodyTimeout}, {"--header-timeout", s.headerTimeout},
	} {
		if f.value > 0 {
			args = append(args, f.name, f.value.String())
		}
	}
	return append(args, s.args...)
}

// listening waits until the balancer accepts a connection; false when it ended instead, or took too long.
func (b *balancer) listening() bool {
	return eventually(func() bool { return connects(b.addr) }, b.exited)
}

func connects(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// stop ends the balancer as an operator would. An lb that lingers, complains on stderr or logs anything but JSON lines
// fails the test.
func (b *balancer) stop(t *testing.T) {
	b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.exited:
	case <-time.After(patience):
		b.kill()
		t.Error("SIGTERM did not end the balancer")
	}
	if *peer == "" {
		b.judge(t)
	}
	if t.Failed() {
		t.Logf("log of the balancer:\n%s%s", b.stdout.String(), b.stderr.String())
	}
}

func (b *balancer) judge(t *testing.T) {
	if b.err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", b.err)
	}
	if b.stderr.Len() > 0 && !b.traced {
		t.Error("lb wrote to stderr")
	}
	for _, line := range strings.Split(strings.TrimSuffix(b.stdout.String(), "\n"), "\n") {
		var entry struct{ Level, Message, Logger string }
		err := json.Unmarshal([]byte(line), &entry)
		if line != "" && (err != nil || entry.Level == "" || len(line) >= 4096) {
			t.Errorf("not a log line of level, message and at most 4,096 bytes: %q: %v", line, err)
		}
	}
}

func (b *balancer) kill() {
	b.cmd.Process.Kill()
	<-b.exited
}

// peakMemory is the largest resident set that the process had, in bytes.
func (b *balancer) peakMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest + " ?")[0], 10, 64)
	if err != nil {
		t.Fatalf("VmHWM of %s: %v", status, err)
	}
	return kib << 10
}

// expectMemory holds the balancer's peak against a limit in bytes.
func (b *balancer) expectMemory(t *testing.T, limit int64) {
	t.Helper()
	peak := b.peakMemory(t)
	t.Logf("peak resident set %.1f MiB", float64(peak)/(1<<20))
	if peak > limit && !raceDetector {
		t.Errorf("peak resident set %d bytes, want at most %d", peak, limit)
	}
}

// eventually polls until the condition holds; false after patience, or when ended is closed first.
func eventually(condition func() bool, ended <-chan struct{}) bool {
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ended:
			return false
		case <-deadline:
			return false
		}
	}
	return true
}

var lastPort atomic.Int32

// freePort finds a port below the range of outgoing connections, so that none of those takes it before its server does.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 20000 + (os.Getpid()*37+int(lastPort.Add(1)))%12000
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
	t.Fatal("no free port")
	return 0
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// record is an output that may be read while it grows.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// Len is the number of bytes written so far.
func (r *record) Len() int { return len(r.String()) }
