package tests

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// page fetches a page of the admin at an address.
func page(t *testing.T, addr, target string) (status int, body string) {
	t.Helper()
	response, err := http.Get("http://" + addr + target)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// ctl runs a command of lb on this balancer and returns its exit code and what it wrote.
func (b *balancer) ctl(t *testing.T, words ...string) (code int, stdout, stderr string) {
	t.Helper()
	path, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(b.addr)
	var out, complaint record
	cmd := exec.Command(path, append(words, "--port", port)...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaint.String()
}

// order is ctl for an order that is to be carried out.
func (b *balancer) order(t *testing.T, words ...string) {
	t.Helper()
	if code, stdout, stderr := b.ctl(t, append([]string{"ctl"}, words...)...); code != 0 || stdout == "" || stderr != "" {
		t.Errorf("lb ctl %v: exit code %d, %q, %q", words, code, stdout, stderr)
	}
}

func TestAdminHasAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	admin := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	b := start(t, settings{backends: []string{back.addr}, workers: 2, args: []string{"--admin", admin}})
	b.get(t, "/metrics").expect(t, 200, "ok") // the backend's
	if status, body := page(t, admin, "/metrics"); status != 200 || readScrape(t, body).sum("lb_requests_total") < 1 {
		t.Errorf("/metrics: %d %.200s", status, body)
	}
	for target, want := range map[string]string{"/readyz": "ready\n", "/livez": "alive\n"} {
		if status, body := page(t, admin, target); status != 200 || body != want {
			t.Errorf("%s: %d %q, want 200 %q", target, status, body, want)
		}
	}
	if status, _ := page(t, admin, "/other"); status != 404 {
		t.Errorf("/other: %d, want 404", status)
	}
	response, err := http.Post("http://"+admin+"/stop", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 404 {
		t.Errorf("an order by TCP: %s, want 404", response.Status)
	}
}

func TestAdminShowsStatusAndTree(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	admin := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	b := start(t, settings{backends: []string{back.addr}, workers: 2, args: []string{"--admin", admin}})
	b.get(t, "/")
	var status struct {
		Version  int
		Ready    bool
		Workers  []struct{ State string }
		Backends []struct {
			ID, State string
			Requests  int
		}
	}
	_, text := page(t, admin, "/status")
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		t.Fatal(err)
	}
	if status.Version != 1 || !status.Ready || len(status.Workers) != 2 || status.Workers[1].State != "serving" {
		t.Errorf("status: %s", text)
	}
	if n := len(status.Backends); n != 1 || status.Backends[0].ID != back.addr || status.Backends[0].Requests != 1 {
		t.Errorf("backends: %s", text)
	}
	_, tree := page(t, admin, "/tree")
	for _, line := range []string{"\nlb\n", "\n  workers ", "\n    worker/1 ", "\n      pool ", "\n  backends ", "\n    backend/" + back.addr} {
		if !strings.Contains(tree, line) {
			t.Errorf("no %q in the tree:\n%s", line, tree)
		}
	}
	if _, text := page(t, admin, "/tree?format=json"); !json.Valid([]byte(text)) || !strings.Contains(text, `"worker/1"`) {
		t.Errorf("the tree as JSON: %s", text)
	}
}

// A restart, with its reason, is seen in the tree.
func TestTreeShowsARestart(t *testing.T) {
	t.Parallel()
	b := startFaulty(t, 1)
	b.dial(t).crash("worker")
	var tree string
	if !eventually(func() bool {
		_, tree, _ = b.ctl(t, "tree")
		return strings.Contains(tree, "a worker was to fail")
	}, b.exited) {
		t.Errorf("no reason of the restart in\n%s", tree)
	}
	if code, text, _ := b.ctl(t, "tree", "--format", "json"); code != 0 || !strings.Contains(text, `"restarts": 1`) {
		t.Errorf("lb tree --format json: exit code %d, %s", code, text)
	}
}

// A backend that is drained by hand gets nothing, the last one leaves nobody ready, and all is undone.
func TestCtlDrainsABackend(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	one, two := startBackend(t, serve(ok)), startBackend(t, serve(ok))
	admin := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	b := start(t, settings{backends: []string{one.addr, two.addr}, workers: 2, args: []string{"--admin", admin}})
	b.order(t, "drain", one.addr)
	up := func(addr string) float64 {
		_, body := page(t, admin, "/metrics")
		return readScrape(t, body).sum("lb_backend_up", `backend="`+addr+`"`)
	}
	if !eventually(func() bool { return up(one.addr) == 0 }, b.exited) {
		t.Fatal("the backend stays up")
	}
	for range 10 {
		b.get(t, "/drained").expect(t, 200, "ok")
	}
	if one.last("/drained") != nil {
		t.Error("a backend that is drained got a request")
	}
	b.order(t, "drain", two.addr)
	ready := func() bool { status, _ := page(t, admin, "/readyz"); return status == 200 }
	if !eventually(func() bool { return !ready() }, b.exited) {
		t.Error("ready without a backend")
	}
	b.order(t, "enable", one.addr)
	if !eventually(ready, b.exited) {
		t.Error("not ready with a backend")
	}
	b.get(t, "/enabled").expect(t, 200, "ok")
	if one.last("/enabled") == nil {
		t.Error("the backend that was enabled got no request")
	}
}

func TestCtlWeighsABackend(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	one, two := startBackend(t, serve(ok)), startBackend(t, serve(ok))
	b := start(t, settings{backends: []string{one.addr, two.addr}, args: []string{"-s", "weighted"}})
	b.order(t, "weight", one.addr, "3")
	weight := func() float64 { return b.scrape(t).sum("lb_backend_weight", `backend="`+one.addr+`"`) }
	if !eventually(func() bool { return weight() == 3 }, b.exited) {
		t.Fatalf("weight %v, want 3", weight())
	}
	before := b.scrape(t)
	for range 40 {
		b.get(t, "/")
	}
	b.scrape(t).expect(t, before, 30, "lb_backend_requests_total", `backend="`+one.addr+`"`)
}

func TestCtlChangesTheLogLevel(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	dead := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	b := start(t, settings{backends: []string{dead}, args: []string{"-l", "err"}})
	b.get(t, "/first")
	b.order(t, "loglevel", "info")
	b.get(t, "/second")
	if !eventually(func() bool { return strings.Contains(b.stdout.String(), `"path":"/second"`) }, b.exited) {
		t.Error("the access log stays silent")
	}
	if strings.Contains(b.stdout.String(), `"path":"/first"`) { // its line would come before
		t.Errorf("logged: %s", b.stdout.String())
	}
}

func TestCtlStops(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	b := start(t, settings{backends: []string{back.addr}})
	b.order(t, "stop")
	select {
	case <-b.exited:
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
	if b.err != nil {
		t.Errorf("the end: %v, want exit code 0", b.err)
	}
	_, port, _ := net.SplitHostPort(b.addr)
	if _, err := os.Lstat(filepath.Join(scratch, "lb-"+port+".sock")); err == nil {
		t.Error("the control socket was left behind")
	}
	if code, stdout, stderr := b.ctl(t, "tree"); code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 {
		t.Errorf("lb tree of nobody: exit code %d, %q, %q", code, stdout, stderr)
	}
}

// Orders that cannot be carried out are one line on stderr.
func TestCtlRefuses(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	b := start(t, settings{backends: []string{back.addr}})
	for _, c := range []struct {
		words []string
		code  int
		text  string
	}{
		{[]string{"ctl"}, 2, "a verb is missing"},
		{[]string{"ctl", "drian", back.addr}, 2, `did you mean "drain"?`},
		{[]string{"ctl", "drain"}, 2, "BACKEND is missing after"},
		{[]string{"ctl", "drain", "9001"}, 2, "9001"},
		{[]string{"ctl", "drain", "127.0.0.1:1"}, 1, "no such backend"},
		{[]string{"ctl", "enable", back.addr, "now"}, 2, `unexpected argument "now"`},
		{[]string{"ctl", "weight", back.addr, "x"}, 2, "must be 0 to 1000"},
		{[]string{"ctl", "loglevel", "loud"}, 2, "loud"},
		{[]string{"ctl", "reload"}, 1, "no configuration file"},
		{[]string{"tree", "--format", "jsn"}, 2, `did you mean "json"?`},
	} {
		code, stdout, stderr := b.ctl(t, c.words...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.text) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("lb %v: exit code %d, %q, %q; want %d and one line with %q", c.words, code, stdout, stderr, c.code, c.text)
		}
	}
}

// With every exchange logged, the backend gets the id of the log line, and that of a trusted peer is kept.
func TestRequestIDIsInTheLogAndAtTheBackend(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	f := func(want string, args ...string) {
		t.Helper()
		b := start(t, settings{backends: []string{back.addr}, args: append(args, "--access-log", "on")})
		b.get(t, "/id", "X-Request-Id: from-client").expect(t, 200, "ok")
		seen, _ := back.last("/id").field("X-Request-Id")
		if (want != "" && seen != want) || seen == "" || (want == "" && seen == "from-client") {
			t.Errorf("the backend saw %q, want %q", seen, want)
		}
		if !eventually(func() bool { return strings.Contains(b.stdout.String(), `"request_id":"`+seen+`"`) }, b.exited) {
			t.Errorf("no %q in the log", seen)
		}
	}
	f("")
	f("from-client", "--trusted-proxy", "127.0.0.1")
}

// With a place for the pages of its own, /metrics on the traffic port is the backends'.
func TestMetricsOfABackendArePassedOn(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, mode := range []string{"sp", "mp"} {
		back := startBackend(t, serve(ok))
		_, args := adminArgs(t)
		b := start(t, settings{backends: []string{back.addr}, args: append(args, "--mode", mode)})
		b.get(t, "/metrics").expect(t, 200, "ok")
		if back.last("/metrics") == nil {
			t.Errorf("mode %s: the backend was not asked", mode)
		}
	}
}
