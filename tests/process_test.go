package tests

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startMaster starts a master with two worker processes.
func startMaster(t *testing.T, backends []string, args ...string) *succession {
	t.Helper()
	n := startSuccession(t, settings{backends: backends, workers: 2, args: append(args, "--mode", "mp")})
	if !eventually(func() bool { return len(n.workers()) == 2 }, n.ended) {
		t.Fatalf("the processes are %v", n.processes())
	}
	return n
}

// workers are the processes whose parent is the one that serves.
func (n *succession) workers() (pids []int) {
	for _, pid := range n.processes() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(n.pid()) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// kill ends a worker as the kernel would, and waits until there is another one.
func (n *succession) kill(pid int) {
	n.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		n.t.Fatal(err)
	}
	n.replaced(pid)
}

// killAmid kills a worker under load and returns how many requests were running until it was gone: all that may be
// lost.
func (n *succession) killAmid(l *load, pid int) int {
	n.t.Helper()
	running, begun := l.inFlight(), l.begun()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		n.t.Fatal(err)
	}
	n.awaitEnd(pid)
	return running + l.begun() - begun
}

// replaced waits until there is another worker instead.
func (n *succession) replaced(pid int) {
	n.t.Helper()
	if !eventually(func() bool {
		w := n.workers()
		return len(w) == 2 && !slices.Contains(w, pid)
	}, nil) {
		n.t.Fatalf("after worker %d was killed there are %v:\n%s", pid, n.workers(), n.text("log"))
	}
}

// A worker that is killed takes along what it was doing and nothing else: no client is refused, none waits in vain.
func TestKilledWorkerTakesItsOwnRequestsAlong(t *testing.T) {
	t.Parallel()
	n := startMaster(t, loadBackends(t, 3))
	l := startLoad(n.addr, rounds(1000, 300), seedOf(t), mixture)
	running := 0
	for i := range rounds(50, 3) {
		served := l.answered()
		enough := served + rounds(3000, 50) // with a pause that keeps the supervisor's patience whole
		if !eventually(func() bool { return l.answered() > enough }, n.ended) {
			t.Fatal("no load")
		}
		victim := n.status().Workers[i%2].PID
		running += n.killAmid(l, victim)
		n.replaced(victim)
	}
	l.stop().clean(t, running)
	n.says("killed by SIGKILL", rounds(50, 3))
}

// Clients that find themselves in the queue of a worker that was killed are served by its successor.
func TestSuccessorServesTheQueueWithin200Milliseconds(t *testing.T) {
	t.Parallel()
	n := startMaster(t, loadBackends(t, 1))
	b := &balancer{addr: n.addr}
	best := patience
	for range 3 {
		if err := syscall.Kill(n.workers()[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_, slowest := b.newcomers(t, crowdSize)
		if best = min(best, slowest); best < unhurried(200*time.Millisecond) {
			break
		}
	}
	t.Logf("%d connections made right after a kill were answered within %v", crowdSize, best)
	if best >= unhurried(200*time.Millisecond) {
		t.Errorf("new connections waited for %v", best)
	}
}

// A worker that does not answer any more is replaced.
func TestStoppedWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	n := startMaster(t, loadBackends(t, 1))
	stopped := n.workers()[0]
	if err := syscall.Kill(stopped, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	n.awaitEnd(stopped)
	t.Logf("replaced after %v", time.Since(began))
	n.says("a worker's loop does not answer", 1)
	b := &balancer{addr: n.addr}
	b.newcomers(t, crowdSize)
}

// A worker that Go's runtime ends, as it does when two threads write one map or the stack is spent, is replaced.
func TestWorkerEndedByTheRuntimeIsReplaced(t *testing.T) {
	t.Parallel()
	n := startMaster(t, loadBackends(t, 1))
	victim := n.workers()[0]
	if err := syscall.Kill(victim, syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	n.replaced(victim)
	n.says("exit code 2", 1)
	if stderr := n.text("stderr"); !strings.HasPrefix(stderr, "SIGABRT: abort") {
		t.Errorf("on stderr: %.100q", stderr)
	}
	if err := os.Truncate(n.path("stderr"), 0); err != nil {
		t.Fatal(err)
	}
}

// A worker that cannot start is not started again and again; its neighbour serves its clients.
func TestWorkerThatCannotStartIsGivenUp(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "lb.log")
	n := startMaster(t, loadBackends(t, 1), "--log-file", log)
	if err := os.Rename(dir, dir+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n.workers()[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	givenUp := func() bool {
		text, err := os.ReadFile(filepath.Join(dir+".moved", "lb.log"))
		return err == nil && strings.Contains(string(text), "a worker cannot start and is given up")
	}
	if !eventually(givenUp, n.ended) {
		t.Fatal("it is not given up")
	}
	b := &balancer{addr: n.addr}
	b.newcomers(t, crowdSize)
	if w := n.workers(); len(w) != 1 {
		t.Errorf("the workers are %v", w)
	}
	response, err := unixClient(n.path("control")).Get("http://lb/readyz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready with a worker less: %s", response.Status)
	}
	if stderr := n.text("stderr"); strings.Count(stderr, "no such file or directory") != 1 {
		t.Errorf("on stderr: %q", stderr)
	}
	if err := os.Truncate(n.path("stderr"), 0); err != nil {
		t.Fatal(err)
	}
}

// Workers without a master end: nobody would tell them of backends any more.
func TestWorkersEndWithTheirMaster(t *testing.T) {
	t.Parallel()
	n := startMaster(t, loadBackends(t, 1))
	workers := n.workers()
	if err := syscall.Kill(n.pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, pid := range workers {
		n.awaitEnd(pid)
	}
	if took := time.Since(began); took > unhurried(time.Second) {
		t.Errorf("the workers ended after %v, want within a second", took)
	}
	n.forget()
}

// forget removes what a killed process leaves.
func (n *succession) forget() {
	n.t.Helper()
	for _, name := range []string{"pid", "control"} {
		if err := os.Remove(n.path(name)); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := os.Truncate(n.path("stderr"), 0); err != nil {
		n.t.Fatal(err)
	}
}

// What a worker has counted outlives it. The page is made by the master, whichever worker a client asks.
func TestCountersOutliveAWorker(t *testing.T) {
	t.Parallel()
	n := startMaster(t, loadBackends(t, 1))
	b := &balancer{addr: n.addr}
	for range 100 {
		b.get(t, "/").expect(t, 200, "ok")
	}
	counted := func() int {
		body := string(b.get(t, "/metrics").body)
		_, rest, _ := strings.Cut(body, `lb_requests_total{class="2xx",method="GET"} `)
		value, _, _ := strings.Cut(rest, "\n")
		count, err := strconv.Atoi(value)
		if err != nil {
			t.Fatalf("lb_requests_total is %q", value)
		}
		return count
	}
	if count := counted(); count != 100 {
		t.Errorf("%d requests counted of 100", count)
	}
	for _, pid := range n.workers() {
		n.kill(pid)
	}
	if count := counted(); count != 100 {
		t.Errorf("%d requests counted of 100 after both workers were killed", count)
	}
}

// Orders about the log reach the workers.
func TestLogOrdersReachWorkers(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "lb.log")
	n := startMaster(t, loadBackends(t, 1), "--log-file", log, "--access-log", "on")
	b := &balancer{addr: n.addr}
	logs := func(file, target string) func() bool {
		return func() bool {
			text, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(text), fmt.Sprintf("%q:%q", "path", target))
		}
	}
	b.get(t, "/first").expect(t, 200, "ok")
	if !eventually(logs(log, "/first"), n.ended) {
		t.Fatal("the first request is not logged")
	}
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	n.signal(syscall.SIGUSR1)
	again := func() bool {
		b.get(t, "/second").expect(t, 200, "ok")
		return logs(log, "/second")()
	}
	if !eventually(again, n.ended) {
		t.Error("a worker goes on in the old file")
	}
	if code, said := n.order("loglevel", "err"); code != 0 {
		t.Fatal(said)
	}
	quiet := func() bool {
		target := fmt.Sprintf("/quiet%d", time.Now().UnixNano())
		b.get(t, target).expect(t, 200, "ok")
		b.get(t, target).expect(t, 200, "ok")
		return !logs(log, target)()
	}
	if !eventually(quiet, n.ended) {
		t.Error("the level does not reach the workers")
	}
}

// The number of workers changes under load, and no request notices: not the ones in the queue of a socket whose worker
// goes, nor those of a client whose connection goes to another worker.
func TestWorkersComeAndGo(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		n := startSuccession(t, settings{backends: loadBackends(t, 3), workers: 1, args: []string{"--mode", mode}})
		l := startLoad(n.addr, rounds(1000, 300), seedOf(t), mixture)
		idle := (&balancer{addr: n.addr}).dial(t)
		idle.roundTrip("GET", "/").expect(t, 200, "ok")
		for range rounds(10, 1) {
			for _, workers := range []int{4, 1, 3, 2} {
				n.resize(workers)
				served := l.answered()
				if !eventually(func() bool { return l.answered() > served+30 }, nil) {
					t.Fatal("no load")
				}
			}
		}
		n.upgrade()
		if now := n.status(); len(now.Workers) != 2 {
			t.Errorf("%d workers after an upgrade, 2 before", len(now.Workers))
		}
		idle.roundTrip("GET", "/").expect(t, 200, "ok")
		v := l.stop()
		v.clean(t, 0)
	})
}

// resize orders a number of workers and waits until there are so many.
func (n *succession) resize(workers int) {
	n.t.Helper()
	if code, said := n.order("workers", strconv.Itoa(workers)); code != 0 {
		n.t.Fatalf("lb ctl workers %d: %s", workers, said)
	}
	if !eventually(func() bool { return len(n.status().Workers) == workers }, nil) {
		n.t.Fatalf("there are %d workers, want %d\n%s", len(n.status().Workers), workers, n.text("log"))
	}
}

// What a worker has counted outlives it, however it goes.
func TestCountersOutliveADismissedWorker(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		n := startSuccession(t, settings{backends: loadBackends(t, 1), workers: 4, args: []string{"--mode", mode}})
		b := &balancer{addr: n.addr}
		for range 100 {
			b.get(t, "/").expect(t, 200, "ok")
		}
		n.resize(1)
		body := string(b.get(t, "/metrics").body)
		if !strings.Contains(body, `lb_requests_total{class="2xx",method="GET"} 100`+"\n") {
			t.Errorf("of 100 requests are counted:\n%s", body[:strings.Index(body, "# HELP lb_request_duration")])
		}
	})
}

// The status page tells which process each worker has.
func TestStatusTellsTheProcesses(t *testing.T) {
	t.Parallel()
	n := startMaster(t, loadBackends(t, 1))
	var told []int
	for _, w := range n.status().Workers {
		told = append(told, w.PID)
	}
	slices.Sort(told)
	found := n.workers()
	slices.Sort(found)
	if !slices.Equal(told, found) {
		t.Errorf("told %v, found %v", told, found)
	}
}
