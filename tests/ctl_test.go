package tests

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lbCommand runs lb with any words and returns its exit code and what it wrote.
func lbCommand(t *testing.T, words ...string) (code int, stdout, stderr string) {
	t.Helper()
	path, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	var out, complaint record
	cmd := exec.Command(path, words...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaint.String()
}

// refused runs lb with words that it must refuse in one line that has the text.
func refused(t *testing.T, code int, text string, words ...string) {
	t.Helper()
	got, stdout, stderr := lbCommand(t, words...)
	if got != code || stdout != "" || !strings.Contains(stderr, text) || strings.Count(stderr, "\n") != 1 {
		t.Errorf("lb %v: exit code %d, %q, %q; want %d and one line with %q", words, got, stdout, stderr, code, text)
	}
}

// Of two that run each does what it is told, by its port or by its socket, and no order goes to one that was not meant.
func TestCtlChoosesAmongSeveral(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	one, two := startReplica(t), startReplica(t)
	socket := filepath.Join(t.TempDir(), "own.sock")
	first := start(t, settings{backends: addresses([]*replica{one, two})})
	second := start(t, settings{backends: addresses([]*replica{one, two}), args: []string{"--control-socket", socket}})
	third := start(t, settings{backends: []string{one.addr}})
	ports := [2]string{}
	_, ports[0], _ = net.SplitHostPort(first.addr)
	_, ports[1], _ = net.SplitHostPort(third.addr)

	if code, said, _ := lbCommand(t, "ctl", "drain", one.addr, "--control-socket", socket); code != 0 || said == "" {
		t.Errorf("drain by socket: exit code %d, %q", code, said)
	}
	if code, said, _ := lbCommand(t, "ctl", "-p", ports[0], "drain", two.addr); code != 0 || said == "" {
		t.Errorf("drain by port: exit code %d, %q", code, said)
	}
	for b, want := range map[*balancer]*replica{first: one, second: two, third: one} {
		only := func() bool { return b.ask20(t, patiently)[want.addr] == 20 }
		if !eventually(only, b.exited) {
			t.Errorf("requests to %s are not answered by %s alone", b.addr, want.addr)
		}
	}
	if code, tree, _ := lbCommand(t, "tree", "--control-socket", socket); code != 0 || !strings.Contains(tree, two.addr) {
		t.Errorf("lb tree by socket: exit code %d, %q", code, tree)
	}

	refused(t, 2, "several run", "ctl", "stop")
	refused(t, 2, "lb-"+ports[0]+".sock", "tree")
	refused(t, 1, "no lb answers on", "ctl", "stop", "--control-socket", filepath.Join(t.TempDir(), "none"))
	refused(t, 1, "no lb answers on", "tree", "--control-socket", configFile(t, "not a socket"))
	refused(t, 1, "no lb answers on", "ctl", "reload", "--port", "1")
	refused(t, 2, "65536", "ctl", "reload", "--port", "65536")
	if code, help, _ := lbCommand(t, "ctl", "drain", "--help"); code != 0 || !strings.Contains(help, "lb ctl drain BACKEND") {
		t.Errorf("lb ctl drain --help: exit code %d, %q", code, help)
	}
}

// A reload by order is answered when it is done: with what is wrong, where, or with nothing to complain of.
func TestCtlReloads(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	one, two := startReplica(t), startReplica(t)
	file := newLiveFile(t, fileConfig{Backends: listed(t, one.addr)}.String())
	b := file.follow(settings{})
	file.write(fileConfig{Backends: listed(t, two.addr)}.String())
	b.order(t, "reload")
	if !eventually(func() bool { return b.ask20(t, patiently)[two.addr] == 20 }, b.exited) {
		t.Error("the new backend is not the only one")
	}
	code, stdout, stderr := b.ctl(t, "ctl", "reload")
	if code != 0 || !strings.Contains(stdout, "changes nothing") {
		t.Errorf("of an unchanged file: exit code %d, %q, %q", code, stdout, stderr)
	}
	file.write("{\n \"backends\": [7]\n}")
	code, stdout, stderr = b.ctl(t, "ctl", "reload")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "line 2, column 15: $.backends[0]: ") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if n := b.ask20(t, patiently)[two.addr]; n != 20 {
		t.Errorf("%d of 20 requests answered after a bad reload", n)
	}
}
