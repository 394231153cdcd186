package tests

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// modes of processes in which the same must hold.
var modes = []string{"sp", "mp"}

// inEachMode runs a test in each of them.
func inEachMode(t *testing.T, test func(t *testing.T, mode string)) {
	t.Helper()
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

// Under load, one process after another takes over, and no request notices.
func TestUpgradesLoseNothing(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		n := startSuccession(t, settings{backends: loadBackends(t, 3), workers: 2, args: []string{"--mode", mode}})
		before := descriptors(n.pid())
		l := startLoad(n.addr, rounds(1000, 300), seedOf(t), mixture)
		for range rounds(20, 3) {
			n.upgrade()
		}
		l.stop().clean(t, 0)
		n.upgrade() // the last one had no load, so that it has no connection to a backend
		if !eventually(func() bool { return descriptors(n.pid()) <= before }, nil) {
			t.Errorf("%d descriptors are open, %d were", descriptors(n.pid()), before)
		}
		<-n.ended
		if n.err != nil {
			t.Errorf("the first process ended with %v", n.err)
		}
		n.counted("ok", rounds(20, 3)+1)
	})
}

// counted holds the counter of upgrades with that result.
func (n *succession) counted(result string, want int) {
	n.t.Helper()
	response, err := unixClient(n.path("control")).Get("http://lb/metrics")
	if err != nil {
		n.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	if line := fmt.Sprintf("lb_upgrades_total{result=%q} %d\n", result, want); !strings.Contains(string(text), line) {
		n.t.Errorf("the metrics have no %q", line)
	}
}

// brokenBinaries are files that an upgrade cannot succeed with, and the words for it.
var brokenBinaries = []struct {
	name   string
	mode   os.FileMode
	script string
	result string
	why    string
}{
	{"not executable", 0o600, "", "not_started", "permission denied"},
	{"exits at once", 0o700, "exit 7", "exited", "exit code 7"},
	{"crashes", 0o700, "sleep 0.05; kill -SEGV $$", "exited", "killed by SIGSEGV"},
	{"hangs", 0o700, "exec sleep 1000", "late", "does not serve after"},
	{
		"hangs without its descriptors", 0o700, "exec 3>&- 4>&- 5>&- 6>&- 7>&-; exec sleep 1000", "late",
		"does not serve after",
	},
}

// An upgrade that fails changes nothing, says why, and does not stand in the way of the next one.
func TestFailedUpgradesChangeNothing(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		n := startSuccession(t, settings{
			backends: loadBackends(t, 2), workers: 2,
			args: []string{"--mode", mode, "--upgrade-timeout", unhurried(500 * time.Millisecond).String()},
		})
		pid := n.pid()
		l := startLoad(n.addr, 200, seedOf(t), mixture)
		if err := os.Remove(n.exe); err != nil {
			t.Fatal(err)
		}
		n.fails("not_started", "no such file", 1)
		counts := map[string]int{"not_started": 1}
		for range rounds(2, 1) {
			for _, broken := range brokenBinaries {
				n.putScript(broken.mode, broken.script)
				counts[broken.result]++
				n.fails(broken.result, broken.why, counts[broken.result])
			}
		}
		if n.pid() != pid || !runs(pid) {
			t.Errorf("process %d serves, not %d", n.pid(), pid)
		}
		n.put(n.goodCopy)
		n.upgrade()
		l.stop().clean(t, 0)
		for result, times := range counts {
			n.counted(result, times)
		}
	})
}

// fails has an upgrade fail for the times-th time with that result.
func (n *succession) fails(result, why string, times int) {
	n.t.Helper()
	n.signal(syscall.SIGUSR2)
	n.says(fmt.Sprintf("%q:%q", "result", result), times)
	if !strings.Contains(n.text("log"), why) {
		n.t.Errorf("the log does not say %q", why)
	}
	if !eventually(func() bool { return len(n.processes()) == n.size() }, nil) {
		n.t.Errorf("after a failed upgrade there are the processes %v", n.processes())
	}
}

// size is how many processes there should be: a master, and its workers in mode mp.
func (n *succession) size() int {
	if strings.Contains(strings.Join(n.first.Args, " "), "--mode mp") {
		return 3
	}
	return 1
}

func TestUpgradeToABadConfigurationIsRejected(t *testing.T) {
	t.Parallel()
	back := startBackend(t, serve(ok))
	file := configFile(t, fmt.Sprintf(`{"backends":[{"host":"127.0.0.1","port":%s}]}`, port(back.addr)))
	n := startSuccession(t, settings{args: []string{"-c", file}})
	pid := n.pid()
	if err := os.WriteFile(file, []byte(`{"backend":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := n.order("upgrade"); code == 0 || !strings.Contains(said, `"backend"`) {
		t.Errorf("lb ctl upgrade: exit code %d, %q", code, said)
	}
	if n.pid() != pid {
		t.Errorf("process %d serves, not %d", n.pid(), pid)
	}
	n.counted("rejected", 1)
	if stderr := n.text("stderr"); !strings.Contains(stderr, `"backend"`) {
		t.Errorf("the new process says %q", stderr)
	}
	if err := os.Truncate(n.path("stderr"), 0); err != nil {
		t.Fatal(err)
	}
}

// A process that fails after it took over is missed at once, and its end is that of the one before it, which finishes
// what it has.
func TestEndOfASuccessorIsTold(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		release := make(chan struct{})
		back := startBackend(t, serve(func(v *visit, m *message) bool {
			<-release
			return ok(v, m)
		}))
		n := startSuccession(t, settings{backends: []string{back.addr}, args: []string{"--mode", mode}})
		c := (&balancer{addr: n.addr}).dial(t)
		c.send(head("GET", "/"))
		if !eventually(func() bool { return back.last("/") != nil }, n.ended) {
			t.Fatal("no request arrived")
		}
		old := n.pid()
		n.signal(syscall.SIGUSR2)
		n.says("draining", 1)
		if n.pid() == old {
			t.Fatal("nobody took over")
		}
		n.signal(syscall.SIGKILL)
		n.says("the process that took over has ended: new clients are not served", 1)
		close(release)
		c.response("GET").expect(t, 200, "ok")
		<-n.ended
		var exit *exec.ExitError
		if !errors.As(n.err, &exit) || exit.ExitCode() != 128+int(syscall.SIGKILL) {
			t.Errorf("the first process ended with %v", n.err)
		}
		n.forget()
	})
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func TestSecondUpgradeMeanwhileIsRefused(t *testing.T) {
	t.Parallel()
	back := startBackend(t, serve(ok))
	n := startSuccession(t, settings{backends: []string{back.addr}})
	n.putScript(0o700, "exec sleep 1000")
	n.signal(syscall.SIGUSR2)
	n.says("starting another process", 1)
	n.signal(syscall.SIGUSR2)
	n.says("refused: another upgrade is under way", 1)
	if code, said := n.order("upgrade"); code == 0 || !strings.Contains(said, "another upgrade is under way") {
		t.Errorf("lb ctl upgrade: exit code %d, %q", code, said)
	}
	n.counted("busy", 2)
	// The end of the old process is that of the new one: finish sees to it.
}

func TestOrderOfAnUpgradeTellsTheEnd(t *testing.T) {
	t.Parallel()
	back := startBackend(t, serve(ok))
	n := startSuccession(t, settings{backends: []string{back.addr}})
	code, said := n.order("upgrade")
	if want := fmt.Sprintf("process %d has taken over\n", n.pid()); code != 0 || said != want {
		t.Errorf("exit code %d, %q, want %q", code, said, want)
	}
}

// A client that is between two requests does not notice that another process serves it, nor does one whose request is
// running, once that is over. The old process is gone as soon as nothing runs in it.
func TestIdleConnectionsMove(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		release := make(chan struct{})
		back := startBackend(t, serve(func(v *visit, m *message) bool {
			if m.target() == "/wait" {
				<-release
			}
			return ok(v, m)
		}))
		n := startSuccession(t, settings{backends: []string{back.addr}, workers: 2, args: []string{"--mode", mode}})
		b := &balancer{addr: n.addr}
		var idle []*client
		for range 50 {
			c := b.dial(t)
			c.roundTrip("GET", "/").expect(t, 200, "ok")
			idle = append(idle, c)
		}
		fresh := b.dial(t)
		began := time.Now()
		n.upgrade()
		t.Logf("the old process was gone after %v", time.Since(began))
		if took := time.Since(began); took > unhurried(time.Second) {
			t.Errorf("the old process was gone after %v, want within a second", took)
		}
		for _, c := range append(idle, fresh) {
			m := c.roundTrip("GET", "/")
			m.expect(t, 200, "ok")
			if how, _ := m.field("Connection"); how == "close" {
				t.Error("the end of a connection was announced")
			}
		}
		busy := idle[0]
		busy.send(head("GET", "/wait"))
		if !eventually(func() bool { return back.last("/wait") != nil }, nil) {
			t.Fatal("no request arrived")
		}
		old := n.pid()
		n.signal(syscall.SIGUSR2)
		if !eventually(func() bool { return n.pid() != old }, nil) {
			t.Fatal("nobody took over")
		}
		n.says("draining", 2)
		close(release)
		busy.response("GET").expect(t, 200, "ok")
		n.awaitEnd(old)
		busy.roundTrip("GET", "/").expect(t, 200, "ok")
	})
}

func TestIdleConnectionsEndWhenTheyAreNotToMove(t *testing.T) {
	t.Parallel()
	back := startBackend(t, serve(ok))
	n := startSuccession(t, settings{backends: []string{back.addr}, args: []string{"--upgrade-move", "off"}})
	c := (&balancer{addr: n.addr}).dial(t)
	c.roundTrip("GET", "/").expect(t, 200, "ok")
	old := n.pid()
	n.signal(syscall.SIGUSR2)
	n.says("draining", 1)
	if !c.ended() {
		t.Error("the connection goes on")
	}
	n.awaitEnd(old)
}

// What was found out about backends, and ordered, holds for the new process from its first moment on.
func TestUpgradeAdoptsWhatIsKnownOfBackends(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		up, drained := startBackend(t, serve(ok)), startBackend(t, serve(ok))
		down := net.JoinHostPort("127.0.0.1", fmt.Sprint(freePort(t)))
		n := startSuccession(t, settings{
			backends: []string{up.addr, drained.addr, down}, health: true,
			args: []string{"--mode", mode, "--health-type", "tcp", "--health-interval", "100ms"},
		})
		if code, said := n.order("drain", drained.addr); code != 0 {
			t.Fatal(said)
		}
		if code, said := n.order("weight", up.addr, "7"); code != 0 {
			t.Fatal(said)
		}
		states := func() string {
			var words []string
			for _, b := range n.status().Backends {
				words = append(words, b.State)
			}
			return strings.Join(words, " ")
		}
		if !eventually(func() bool { return states() == "up draining down" }, nil) {
			t.Fatalf("the backends are %s", states())
		}
		before := n.status()
		n.upgrade()
		after := n.status()
		if after.PID == before.PID || states() != "up draining down" {
			t.Errorf("in process %d the backends are %s", after.PID, states())
		}
		for i, b := range before.Backends {
			if now := after.Backends[i]; !now.Since.Equal(b.Since) || now.Why != b.Why || now.Weight != b.Weight {
				t.Errorf("%+v became %+v", b, now)
			}
		}
		if strings.Count(n.text("log"), "a backend changed its state") != 2 {
			t.Errorf("the new process found out anew")
		}
	})
}

// The service manager hears who is the main process.
func TestServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	back := startBackend(t, serve(ok))
	at := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	n := startSuccession(t, settings{
		backends: []string{back.addr}, env: []string{"NOTIFY_SOCKET=" + at, "WATCHDOG_USEC=200000"},
	})
	hear := func(want string) {
		t.Helper()
		manager.SetReadDeadline(time.Now().Add(patience))
		words := make([]byte, 4096)
		for {
			size, err := manager.Read(words)
			if err != nil {
				t.Fatalf("nobody says %q: %v", want, err)
			}
			if strings.Contains(string(words[:size]), want) {
				return
			}
		}
	}
	hear("READY=1\nSTATUS=serving on " + n.addr)
	hear("WATCHDOG=1")
	n.signal(syscall.SIGHUP)
	hear("RELOADING=1\nMONOTONIC_USEC=")
	hear("READY=1")
	n.upgrade()
	hear(fmt.Sprintf("MAINPID=%d", n.pid()))
	hear("WATCHDOG=1")
	last := n.pid()
	n.signal(syscall.SIGTERM)
	hear("STOPPING=1")
	n.awaitEnd(last)
}

// Sockets of a service manager are served by all workers, pass on at an upgrade, and stay whole at the end.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	path, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	back := startBackend(t, serve(ok))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for range 2 { // one after the other: the second finds the socket as the first did
		pid := filepath.Join(t.TempDir(), "pid")
		cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, path, "-b", back.addr, "-w", "2",
			"--health-type", "off", "--control-socket", "off", "--pid-file", pid)
		cmd.ExtraFiles = []*os.File{file}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		b := &balancer{addr: listener.Addr().String(), cmd: cmd, exited: make(chan struct{})}
		go func() {
			b.err = cmd.Wait()
			close(b.exited)
		}()
		for range 20 {
			b.get(t, "/").expect(t, 200, "ok")
		}
		b.signal(t, syscall.SIGTERM)
		b.ends(t)
		if b.err != nil {
			t.Errorf("ended with %v", b.err)
		}
	}
}
