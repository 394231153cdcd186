package tests

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// chaos makes the tests of processes long. The short form is the same with fewer rounds.
var chaos = flag.Bool("chaos", false, "run the tests of upgrades, kills and stops at their full length")

// unhurried is a time that lb keeps, ten times as long under the race detector, which slows all down and each end by a
// second.
func unhurried(d time.Duration) time.Duration {
	if raceDetector {
		return 10 * d
	}
	return d
}

// rounds is the number of rounds in the long form and in the short one.
func rounds(long, short int) int {
	if *chaos {
		return long
	}
	return short
}

// succession is an lb whose process may change: who serves is written in its pid file.
type succession struct {
	t        *testing.T
	addr     string
	dir      string
	exe      string // the file that an upgrade starts
	goodCopy string
	first    *exec.Cmd
	ended    chan struct{} // the first process is gone
	err      error         // of it; read it after ended is closed
}

// startSuccession starts lb from a file of its own, so that the test may put another one in its place.
func startSuccession(t *testing.T, s settings) *succession {
	t.Helper()
	lbOnly(t)
	built, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	port, dir := freePort(t), t.TempDir()
	n := &succession{
		t: t, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir, exe: filepath.Join(dir, "lb"),
		goodCopy: built, ended: make(chan struct{}),
	}
	n.put(built)
	args := append(s.flags(port), "--pid-file", n.path("pid"), "--control-socket", n.path("control"))
	n.first = exec.Command(n.exe, args...)
	n.first.Env = append(os.Environ(), s.env...)
	n.first.Stdout, n.first.Stderr = n.create("log"), n.create("stderr")
	if err := n.first.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		n.err = n.first.Wait()
		close(n.ended)
	}()
	t.Cleanup(n.finish)
	if !eventually(func() bool { return n.pid() != 0 && connects(n.addr) }, n.ended) {
		t.Fatalf("lb does not serve: %v\n%s", n.err, n.text("log")+n.text("stderr"))
	}
	return n
}

func (n *succession) path(name string) string { return filepath.Join(n.dir, name) }

func (n *succession) create(name string) *os.File {
	file, err := os.OpenFile(n.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { file.Close() })
	return file
}

func (n *succession) text(name string) string {
	text, err := os.ReadFile(n.path(name))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

// put makes the file the one that the next upgrade starts.
func (n *succession) put(file string) {
	n.t.Helper()
	link := n.path("link")
	if err := os.Symlink(file, link); err != nil {
		n.t.Fatal(err)
	}
	if err := os.Rename(link, n.exe); err != nil {
		n.t.Fatal(err)
	}
}

// putScript makes a shell script that file.
func (n *succession) putScript(mode os.FileMode, text string) {
	n.t.Helper()
	path := n.path(fmt.Sprintf("script%d", time.Now().UnixNano()))
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), mode); err != nil {
		n.t.Fatal(err)
	}
	n.put(path)
}

// pid of the process that serves; 0 when the file is not there.
func (n *succession) pid() int {
	text, err := os.ReadFile(n.path("pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

func (n *succession) signal(s syscall.Signal) {
	n.t.Helper()
	if err := syscall.Kill(n.pid(), s); err != nil {
		n.t.Fatal(err)
	}
}

// upgrade has another process take over and waits until the old one is gone.
func (n *succession) upgrade() {
	n.t.Helper()
	old := n.pid()
	n.signal(syscall.SIGUSR2)
	if !eventually(func() bool { return n.pid() != old }, nil) {
		n.t.Fatalf("nobody took over from %d:\n%s", old, n.text("log"))
	}
	n.awaitEnd(old)
}

// awaitEnd waits for the end of a process of ours.
func (n *succession) awaitEnd(pid int) {
	n.t.Helper()
	if !eventually(func() bool { return !runs(pid) }, nil) {
		n.t.Fatalf("process %d does not end:\n%s", pid, n.text("log"))
	}
}

// runs reports whether a process exists and is no zombie: who is no child of the test is waited for by others.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return !bytes.HasPrefix(rest, []byte("Z"))
}

// says waits until so many log lines have the text.
func (n *succession) says(text string, times int) {
	n.t.Helper()
	if !eventually(func() bool { return strings.Count(n.text("log"), text) >= times }, nil) {
		n.t.Fatalf("not %d times %q in the log:\n%s", times, text, n.text("log"))
	}
}

// processes are those that run a file of the succession.
func (n *succession) processes() (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		n.t.Skipf("needs /proc: %v", err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err == nil && bytes.Contains(line, []byte(n.dir)) && runs(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// descriptors that a process has open.
func descriptors(pid int) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return -1
	}
	return len(entries)
}

// status is the page of that name.
func (n *succession) status() (s struct {
	PID      int
	Ready    bool
	Workers  []struct{ PID int }
	Backends []struct {
		ID, State, Why string
		Since          time.Time
		Weight         int
	}
},
) {
	n.t.Helper()
	response, err := unixClient(n.path("control")).Get("http://lb/status")
	if err != nil {
		n.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&s); err != nil {
		n.t.Fatal(err)
	}
	return s
}

// order gives an order by lb ctl and returns the exit code and what was said.
func (n *succession) order(words ...string) (code int, said string) {
	n.t.Helper()
	cmd := exec.Command(n.goodCopy, append([]string{"ctl", "--control-socket", n.path("control")}, words...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		n.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// finish ends whoever serves, and judges what the whole line of processes has left behind.
func (n *succession) finish() {
	if pid := n.pid(); pid != 0 {
		syscall.Kill(pid, syscall.SIGTERM)
		if !eventually(func() bool { return !runs(pid) }, nil) {
			n.t.Error("SIGTERM did not end lb")
		}
	}
	if !eventually(func() bool { return len(n.processes()) == 0 }, nil) {
		n.t.Errorf("processes are left: %v", n.processes())
		for _, pid := range n.processes() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for _, name := range []string{"pid", "control"} {
		if _, err := os.Lstat(n.path(name)); err == nil {
			n.t.Errorf("the file %s is left", name)
		}
	}
	if text := n.text("stderr"); text != "" && !n.t.Failed() {
		n.t.Errorf("on stderr: %q", text)
	}
	if n.t.Failed() {
		n.t.Logf("log:\n%s%s", n.text("log"), n.text("stderr"))
	}
}
