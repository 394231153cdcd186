package tests

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// crowdSize is large enough for each of two workers to get a part of the connections, but once in 2³¹ runs.
const crowdSize = 32

// startFaulty starts a balancer that fails on request.
func startFaulty(t *testing.T, workers int) *balancer {
	t.Helper()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	return start(t, settings{backends: []string{back.addr}, workers: workers, faulty: true})
}

// crash makes the code panic that serves this connection, and waits for its end. What it stops is "connection" or
// "worker".
func (c *client) crash(what string) {
	c.t.Helper()
	c.send(head("GET", "/", "X-Lb-Fault: "+what))
	if !c.ended() {
		c.t.Errorf("a panic did not end its connection")
	}
}

func TestPanicEndsItsConnectionOnly(t *testing.T) {
	t.Parallel()
	b := startFaulty(t, 2)
	others := startCrowd(t, b, crowdSize)
	for range 5 {
		victim := b.dial(t)
		victim.roundTrip("GET", "/").expect(t, 200, "ok")
		victim.crash("connection")
		others.goesOn(t)
	}
	if failed := others.failures(); len(failed) > 0 {
		t.Errorf("ended with it: %v", failed)
	}
	lines := func() int { return strings.Count(b.stdout.String(), "a panic closed a connection") }
	if !eventually(func() bool { return lines() >= 5 }, b.exited) || lines() > 5 {
		t.Errorf("%d log lines of 5 panics", lines())
	}
}

func TestPanicsOverTheBudgetRestartTheWorker(t *testing.T) {
	t.Parallel()
	b := startFaulty(t, 1)
	idle := b.dial(t)
	idle.roundTrip("GET", "/").expect(t, 200, "ok")
	for range 8 {
		b.dial(t).crash("connection")
	}
	idle.roundTrip("GET", "/").expect(t, 200, "ok")
	b.dial(t).crash("connection")
	if !idle.ended() {
		t.Error("the worker was not restarted")
	}
	b.get(t, "/").expect(t, 200, "ok")
}

// A worker that crashes takes its own connections along and no other. The kernel says whose they are.
func TestCrashOfAWorkerEndsItsOwnConnectionsOnly(t *testing.T) {
	t.Parallel()
	b := startFaulty(t, 2)
	others := startCrowd(t, b, crowdSize)
	victim := b.dial(t)
	victim.roundTrip("GET", "/").expect(t, 200, "ok")
	loops := b.loops(t)
	victim.crash("worker")

	its := 0
	for port := range others.progress() {
		if loops[port] == loops[victim.port()] {
			its++
		}
	}
	if its == 0 || its == crowdSize {
		t.Fatalf("%d of %d connections are the worker's", its, crowdSize)
	}
	if !eventually(func() bool { return len(others.failures()) >= its }, nil) {
		t.Errorf("%d of the worker's %d connections have ended", len(others.failures()), its)
	}
	others.goesOn(t)
	for port, err := range others.failures() {
		if loops[port] != loops[victim.port()] {
			t.Errorf("a connection of the other worker failed: %v", err)
		}
	}
}

// The bound is that of the first restart, which comes at once; the best of three, since the machine has other work too.
func TestCrashedWorkerServesAgainWithin100Milliseconds(t *testing.T) {
	t.Parallel()
	best := patience
	for range 3 {
		b := startFaulty(t, 2)
		victim := b.dial(t)
		victim.roundTrip("GET", "/").expect(t, 200, "ok")
		loop := b.loops(t)[victim.port()]
		victim.crash("worker")
		ports, slowest := b.newcomers(t, crowdSize)
		best = min(best, slowest)
		if !contains(b.loops(t), ports, loop) {
			t.Errorf("none of %d new connections is with the restarted worker", crowdSize)
		}
		if best < 100*time.Millisecond {
			break
		}
	}
	t.Logf("%d connections made right after the crash were answered within %v", crowdSize, best)
	if best >= 100*time.Millisecond {
		t.Errorf("new connections waited for %v", best)
	}
}

// contains reports whether one of the ports is on the loop.
func contains(loops map[int]string, ports []int, loop string) bool {
	for _, port := range ports {
		if loops[port] == loop {
			return true
		}
	}
	return false
}

// A worker that crashes again and again waits longer each time, and the other one serves its clients meanwhile.
func TestNeighbourServesForAWorkerThatIsAway(t *testing.T) {
	t.Parallel()
	b := startFaulty(t, 2)
	first := b.dial(t)
	first.roundTrip("GET", "/").expect(t, 200, "ok")
	loop := b.loops(t)[first.port()]
	first.crash("worker")
	for range 4 {
		b.dialLoop(t, loop).crash("worker")
	}
	var delays []time.Duration
	if !eventually(func() bool { delays = b.delays()[0]; return len(delays) == 5 }, b.exited) {
		t.Fatalf("restarts were put off by %v, want five", delays)
	}
	ports, slowest := b.newcomers(t, crowdSize)
	t.Logf("restarts put off by %v; %d new connections answered within %v", delays, crowdSize, slowest)
	if delays[0] != 0 {
		t.Errorf("the first restart was put off by %v", delays[0])
	}
	for i := 1; i < len(delays); i++ {
		if delays[i] <= delays[i-1] {
			t.Errorf("the delays of restarts do not grow: %v", delays)
		}
	}
	if contains(b.loops(t), ports, loop) {
		t.Errorf("the worker that is away has got a connection")
	}
	if slowest > delays[4]/2 {
		t.Errorf("new connections waited for %v while the worker was away for %v", slowest, delays[4])
	}
	b.dialLoop(t, loop).roundTrip("GET", "/").expect(t, 200, "ok")
}

// dialLoop opens connections until one is on that event loop and has been served there.
func (b *balancer) dialLoop(t *testing.T, loop string) *client {
	t.Helper()
	var c *client
	found := eventually(func() bool {
		c = b.dial(t)
		if c.roundTrip("GET", "/"); b.loops(t)[c.port()] == loop {
			return true
		}
		c.Close()
		return false
	}, b.exited)
	if !found {
		t.Fatal("no connection gets to the worker")
	}
	return c
}

// delays are those of the restarts of each worker that the log tells of, in no order of the workers.
func (b *balancer) delays() [][]time.Duration {
	byActor := map[string]int{}
	delays := [][]time.Duration{nil}
	for _, line := range strings.Split(b.stdout.String(), "\n") {
		var entry struct{ Message, Actor, Outcome string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Message != "actor failed" {
			continue
		}
		if _, known := byActor[entry.Actor]; !known {
			byActor[entry.Actor] = len(byActor)
			delays = append(delays[:byActor[entry.Actor]], nil)
		}
		text := strings.TrimPrefix(entry.Outcome, "degraded, ")
		delay, _ := time.ParseDuration(strings.TrimPrefix(text, "restart in ")) // "restart at once" is 0
		delays[byActor[entry.Actor]] = append(delays[byActor[entry.Actor]], delay)
	}
	return delays
}

// Twenty requests within a second that each crash the worker they get to. Meanwhile clients come, all of whom find an
// open port; those who are not on a worker that crashes get their answer when one is back, at the latest.
func TestCrashStormRefusesNobody(t *testing.T) {
	t.Parallel()
	b := startFaulty(t, 2)
	over := make(chan struct{})
	var refused, answered, lost atomic.Int64
	var slowest atomic.Int64
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for open(over) {
				began := time.Now()
				switch err := visitOnce(b.addr); {
				case err == nil:
					answered.Add(1)
					raise(&slowest, int64(time.Since(began)))
				case errors.Is(err, syscall.ECONNREFUSED):
					refused.Add(1)
				default:
					lost.Add(1)
				}
			}
		})
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 20 {
		<-tick.C
		b.dial(t).send(head("GET", "/", "X-Lb-Fault: worker"))
	}
	if !eventually(func() bool { return len(b.delays()) == 2 && visitOnce(b.addr) == nil }, b.exited) {
		t.Error("the balancer does not serve after the storm")
	}
	close(over)
	running.Wait()
	t.Logf("%d answered, the last within %v; %d lost with a worker; restarts put off by %v",
		answered.Load(), time.Duration(slowest.Load()), lost.Load(), b.delays())
	if refused.Load() > 0 || answered.Load() == 0 {
		t.Errorf("%d connections refused, %d answered", refused.Load(), answered.Load())
	}
	if limit := 6 * time.Second; time.Duration(slowest.Load()) > limit { // the longest delay and its jitter
		t.Errorf("one waited for %v, over %v", time.Duration(slowest.Load()), limit)
	}
}

// raise makes value the new one if that is larger.
func raise(value *atomic.Int64, to int64) {
	for old := value.Load(); old < to && !value.CompareAndSwap(old, to); old = value.Load() {
	}
}

func open(over <-chan struct{}) bool {
	select {
	case <-over:
		return false
	default:
		return true
	}
}

// visitOnce sends one request on a connection of its own.
func visitOnce(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	return ask(conn, bufio.NewReader(conn))
}

// With its only worker past its budget of restarts the process ends, and says why.
func TestLoneWorkerPastItsBudgetEndsTheProcess(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	b := launch(t, settings{backends: []string{back.addr}, workers: 1, faulty: true})
	t.Cleanup(b.kill)
	if !b.listening() {
		t.Fatalf("the balancer did not listen: %v", b.err)
	}
	for open(b.exited) {
		conn, err := net.Dial("tcp", b.addr)
		if err != nil {
			continue // it is about to end
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write([]byte(head("GET", "/", "X-Lb-Fault: worker")))
		conn.Read(make([]byte, 1))
		conn.Close()
	}
	var exit *exec.ExitError
	if !errors.As(b.err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit code 1", b.err)
	}
	for _, reason := range []string{"no worker is left", "a worker was to fail"} {
		if said := b.stderr.String(); !strings.Contains(said, reason) {
			t.Errorf("stderr has %q, want %q in it", said, reason)
		}
	}
}
