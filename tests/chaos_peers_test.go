package tests

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What nginx and HAProxy lose where they can do the step: each is told twenty times under load to go on with new processes.
// It is a comparison, not a promise: only that there was one is tested.
func TestPeersGoOnWithNewProcesses(t *testing.T) {
	if !*chaos {
		t.Skip("a comparison, for -chaos")
	}
	backends := loadBackends(t, 3)
	for _, p := range []struct {
		name  string
		start func(t *testing.T, s settings, port int) *exec.Cmd
		again syscall.Signal
	}{
		{"nginx", nginxMaster, syscall.SIGHUP},
		{"haproxy", haproxyMaster, syscall.SIGUSR2},
	} {
		t.Run(p.name, func(t *testing.T) {
			port := freePort(t)
			addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
			cmd := p.start(t, settings{backends: backends}, port)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				cmd.Process.Signal(syscall.SIGTERM)
				cmd.Wait()
			})
			if !eventually(func() bool { return connects(addr) }, nil) {
				t.Fatalf("%s does not serve", p.name)
			}
			l := startLoad(addr, 1000, seedOf(t), mixture)
			for range 20 {
				served := l.answered()
				if err := cmd.Process.Signal(p.again); err != nil {
					t.Fatal(err)
				}
				if !eventually(func() bool { return l.answered() > served+500 }, nil) {
					t.Fatal("no load")
				}
			}
			v := l.stop()
			t.Logf("%s: %v", p.name, v)
			t.Logf("such as %q", v.samples)
			if v.answered == 0 {
				t.Error("nothing was answered")
			}
		})
	}
}

func nginxMaster(t *testing.T, s settings, port int) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(nginxProxy(s, port), "master_process off;", "worker_processes 2;", 1)
	return exec.Command(need(t, "nginx"), "-p", dir, "-c", configFile(t, text))
}

func haproxyMaster(t *testing.T, s settings, port int) *exec.Cmd {
	t.Helper()
	return exec.Command(need(t, "haproxy"), "-W", "-f", configFile(t, haproxy(s, port)),
		"-S", filepath.Join(t.TempDir(), "master"))
}
