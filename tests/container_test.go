package tests

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// container is lb as the first process of a namespace of processes.
type container struct {
	*balancer
	t     *testing.T
	dir   string
	first int // number of the first process, as it is called outside
}

func startContainer(t *testing.T, mode string) *container {
	t.Helper()
	lbOnly(t)
	unshare := need(t, "unshare")
	if err := exec.Command(unshare, "--pid", "--fork", "true").Run(); err != nil {
		t.Skipf("no namespace of processes here: %v", err)
	}
	path, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	c := &container{t: t, dir: t.TempDir(), balancer: &balancer{
		addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), exited: make(chan struct{}),
	}}
	s := settings{backends: loadBackends(t, 1), workers: 2, args: []string{
		"--mode", mode, "--control-socket", filepath.Join(c.dir, "control"),
	}}
	inside := []string{"--pid", "--fork", "--mount-proc", "--kill-child", path}
	c.cmd = exec.Command(unshare, append(inside, s.flags(port)...)...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	t.Cleanup(func() {
		c.cmd.Process.Kill()
		<-c.exited
	})
	if !c.listening() {
		t.Fatalf("lb does not serve: %v\n%s%s", c.err, c.stdout.String(), c.stderr.String())
	}
	children := childrenOf(c.cmd.Process.Pid)
	if len(children) != 1 {
		t.Fatalf("the namespace has the processes %v", children)
	}
	c.first = children[0]
	return c
}

// childrenOf are all children of a process, the dead ones that are not waited for included.
func childrenOf(parent int) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(entry.Name())
			pids = append(pids, pid)
		}
	}
	return pids
}

// upgrade has another process take over, and waits until it is the only child of the first one.
func (c *container) upgrade() (main int) {
	c.t.Helper()
	path, err := builtBinary()
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := exec.Command(path, "ctl", "--control-socket", filepath.Join(c.dir, "control"), "upgrade").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "has taken over") {
		c.t.Fatalf("lb ctl upgrade: %v, %s", err, out)
	}
	if !eventually(func() bool { return len(childrenOf(c.first)) == 1 }, c.exited) {
		c.t.Fatalf("the children of the first process are %v\n%s", childrenOf(c.first), c.stdout.String())
	}
	return childrenOf(c.first)[0]
}

// The first process of a container stays when others take over: signals go on to the last one, the dead do not pile up,
// and the container ends as the last one does.
func TestFirstProcessOfAContainerStays(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		c := startContainer(t, mode)
		for range 3 {
			c.upgrade()
			c.get(t, "/").expect(t, 200, "ok")
		}
		if err := syscall.Kill(c.first, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		c.ends(t)
		if c.err != nil {
			t.Errorf("ended with %v\n%s", c.err, c.stderr.String())
		}
	})
}

func TestContainerEndsAsTheLastProcessDoes(t *testing.T) {
	t.Parallel()
	c := startContainer(t, "sp")
	if err := syscall.Kill(c.upgrade(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.ends(t)
	var exit *exec.ExitError
	if want := 128 + int(syscall.SIGKILL); !errors.As(c.err, &exit) || exit.ExitCode() != want {
		t.Errorf("ended with %v, want %v", c.err, fmt.Sprint("exit code ", want))
	}
}
