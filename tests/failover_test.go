package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"lb/actors"
	"lb/messages"
	"lb/mp"
)

// watched are the settings of a balancer whose probes a test can wait for.
func watched(args []string, backends ...string) settings {
	s := settings{backends: backends, health: true, responseTimeout: 300 * time.Millisecond}
	s.args = append([]string{
		"--health-path", healthPath, "--health-interval", "200ms", "--health-timeout", "200ms",
	}, args...)
	return s
}

// patiently is a limit for a GET that has to wait for nobody but a busy machine.
const patiently = patience / 2

// With one of three backends failing, no GET does while another is up, from the first moment on; the one that fails gets no
// request once it is known, and again requests when it recovers.
func TestFailover(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for name, a := range afflictions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replicas := []*replica{startReplica(t), startReplica(t), startReplica(t)}
			bad := replicas[1]
			a.afflict(t, bad)
			b := start(t, watched([]string{"--health-status", "200-299"}, addresses(replicas)...))
			if !a.spoils {
				b.storm(t, 60)
			}
			b.awaitTurn(t, bad.addr, "up", "down")
			before := bad.requests.Load()
			b.ask20(t, patiently)
			if n := bad.requests.Load() - before; n > 0 {
				t.Errorf("%d requests to a backend that is down", n)
			}
			if name == "redirecting to an ill host" {
				return // a probe that followed it would have found no better status
			}
			a.cure(t, bad)
			b.awaitTurn(t, bad.addr, "down", "up")
			if !eventually(func() bool { return b.ask20(t, patiently)[bad.addr] > 0 }, b.exited) {
				t.Error("a backend that is up again gets no request")
			}
		})
	}
}

func addresses(replicas []*replica) (list []string) {
	for _, r := range replicas {
		list = append(list, r.addr)
	}
	return list
}

// storm sends GET requests on several connections at once. None may fail.
func (b *balancer) storm(t *testing.T, requests int) {
	t.Helper()
	var running sync.WaitGroup
	for range 6 {
		running.Go(func() {
			for range requests / 6 {
				status, err := b.try()
				if status != 200 || err != nil {
					t.Errorf("got %d, %v", status, err)
				}
			}
		})
	}
	running.Wait()
}

// try sends a GET on a connection of its own and returns the status. It may be called from any goroutine.
func (b *balancer) try() (status int, err error) {
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, head("GET", "/")); err != nil {
		return 0, err
	}
	m, err := readMessage(bufio.NewReader(conn), "GET")
	if err != nil {
		return 0, err
	}
	return m.status(), nil
}

// A process that is stopped accepts connections, as its kernel does, and says nothing.
func TestFailoverFromAStoppedProcess(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	bad, good := startProcess(t), startReplica(t)
	bad.signal(t, syscall.SIGSTOP)
	b := start(t, watched(nil, bad.addr, good.addr))
	b.storm(t, 30)
	b.awaitTurn(t, bad.addr, "up", "down")
	if n := b.ask20(t, patiently)[good.addr]; n != 20 {
		t.Errorf("%d of 20 requests answered by the good backend", n)
	}
	bad.signal(t, syscall.SIGCONT)
	b.awaitTurn(t, bad.addr, "down", "up")
}

// Running exchanges see a backend die: each is repeated elsewhere.
func TestFailoverFromAKilledProcess(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	bad, good := startProcess(t), startReplica(t)
	b := start(t, watched(nil, bad.addr, good.addr))
	var storming sync.WaitGroup
	storming.Go(func() { b.storm(t, 600) })
	bad.signal(t, syscall.SIGKILL)
	storming.Wait()
	b.awaitTurn(t, bad.addr, "up", "down")
}

func TestAllBackendsDown(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	first, second := refusing(t), refusing(t)
	b := start(t, watched(nil, first, second))
	open := start(t, watched([]string{"--fail-open"}, first, second))
	for _, each := range []*balancer{b, open} {
		each.awaitTurn(t, first, "up", "down")
		each.awaitTurn(t, second, "up", "down")
	}
	closed := eventually(func() bool { return b.get(t, "/").status() == 503 }, b.exited)
	if m := b.get(t, "/"); !closed || m.status() != 503 {
		t.Errorf("got %q, want 503", m.start)
	} else {
		expectReason(t, m, []string{"destination_unavailable"})
	}
	m := open.get(t, "/")
	if m.status() != 502 {
		t.Errorf("got %q, want 502", m.start)
	}
	expectReason(t, m, []string{"connection_refused"})
}

// What a worker sees by itself is enough to pass a backend over, without a probe or the control plane.
func TestWorkerEjectsOnItsOwnEvidence(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for fall, want := range map[int]int{3: 3, 5: 5, 0: 30} {
		t.Run(strconv.Itoa(fall), func(t *testing.T) {
			t.Parallel()
			bad, good := startReplica(t), startReplica(t)
			bad.answer(resetConnection)
			b := start(t, settings{backends: []string{bad.addr, good.addr}, health: true, args: []string{
				"--health-type", "off", "--health-interval", "1h", "--health-fall", strconv.Itoa(fall),
			}})
			for range 60 {
				if m := b.get(t, "/"); m.status() != 200 && fall > 0 {
					t.Errorf("got %q", m.start)
				}
			}
			if n := int(bad.requests.Load()); n != want && fall > 0 || n < want-1 {
				t.Errorf("%d of 60 requests to the bad backend; want %d", n, want)
			}
			if bad.probes.Load() > 0 {
				t.Error("a backend was probed that is not to be")
			}
		})
	}
}

// A worker's own verdict holds for the time between two probes.
func TestWorkerTriesAnEjectedBackendAgain(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	bad, good := startReplica(t), startReplica(t)
	bad.answer(resetConnection)
	b := start(t, settings{backends: []string{bad.addr, good.addr}, health: true, args: []string{
		"--health-type", "off", "--health-interval", "300ms",
	}})
	b.ask20(t, patiently)
	bad.recover(t)
	if !eventually(func() bool { return b.ask20(t, patiently)[bad.addr] > 0 }, b.exited) {
		t.Error("it was never tried again")
	}
}

// A doubtful backend is better than none: the last one is not ejected by a worker.
func TestWorkerDoesNotEjectTheLastBackend(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	only := startReplica(t)
	only.answer(resetConnection)
	b := start(t, settings{backends: []string{only.addr}, health: true, args: []string{
		"--health-type", "off", "--health-interval", "1h",
	}})
	for range 3 {
		if m := b.get(t, "/"); m.status() != 502 {
			t.Errorf("got %q, want 502", m.start)
		}
	}
	only.recover(t)
	if m := b.get(t, "/"); m.status() != 200 {
		t.Errorf("got %q, want 200", m.start)
	}
}

func TestTCPProbes(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	unwellOne, dead := startReplica(t), refusing(t)
	unwellOne.answer(unwell)
	b := start(t, watched([]string{"--health-type", "tcp"}, unwellOne.addr, dead))
	b.awaitTurn(t, dead, "up", "down")
	if b.turned(unwellOne.addr, "up", "down") || unwellOne.probes.Load() > 0 {
		t.Error("a probe by TCP went by more than the connection")
	}
	b.ask20(t, patiently)
}

// A backend's name moves to another address, and no request fails. Then it stands for a service of two ports.
func TestNameThatMoves(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	first, second, port := samePort(t)
	names := startNameServer(t)
	names.set("web.", address("web.", 1, "127.0.0.1"))
	names.set("_http._tcp.web.", listing("_http._tcp.web.", 1, "web.", port, 1))
	for _, entry := range []string{fmt.Sprintf("web:%d", port), "srv://_http._tcp.web"} {
		t.Run(entry, func(t *testing.T) {
			names.set("web.", address("web.", 1, "127.0.0.1"))
			b := inProcess(t, isolated(t, "", names), entry)
			if n := b.ask20(t, patiently)[first.addr]; n != 20 {
				t.Errorf("%d of 20 requests at the first address", n)
			}
			names.set("web.", address("web.", 1, "127.0.0.2"))
			if !eventually(func() bool { return b.ask20(t, patiently)[second.addr] == 20 }, nil) {
				t.Error("requests never followed the name")
			}
			names.behave(manner{code: 2}) // server failure: the last good addresses stay
			defer names.behave(manner{})
			before := names.asked("udp")
			if !eventually(func() bool { b.ask20(t, patiently); return names.asked("udp") > before+2 }, nil) {
				t.Error("the name was not looked up again")
			}
		})
	}
}

// samePort starts replicas on two addresses of this host with one port.
func samePort(t *testing.T) (first, second *replica, port uint16) {
	t.Helper()
	first = startReplica(t)
	_, word, err := net.SplitHostPort(first.addr)
	if err != nil {
		t.Fatal(err)
	}
	second = &replica{addr: net.JoinHostPort("127.0.0.2", word)}
	l, err := net.Listen("tcp", second.addr)
	if err != nil {
		t.Skipf("needs a second address of this host: %v", err)
	}
	second.serve(l)
	t.Cleanup(func() { second.server.Close() })
	n, err := strconv.ParseUint(word, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return first, second, uint16(n)
}

// inProcess runs a balancer in the process of the test, for what no flag can set.
func inProcess(t *testing.T, r actors.Resolver, backends ...string) *balancer {
	t.Helper()
	c := messages.DefaultConfig()
	c.Health.Interval, c.Health.Timeout = 200*time.Millisecond, 200*time.Millisecond
	for _, word := range backends {
		parsed, err := messages.ParseBackend(word)
		if err != nil {
			t.Fatal(err)
		}
		c.Backends = append(c.Backends, parsed)
	}
	sockets, err := mp.Listen("127.0.0.1", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	running, err := actors.Start(actors.Options{Config: c, Sockets: sockets.Shares(len(sockets.FDs())), Log: zerolog.Nop(), Resolver: r})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Drain(0); err != nil {
			t.Error(err)
		}
		if err := running.Wait(); err != nil {
			t.Error(err)
		}
		sockets.Close()
	})
	return &balancer{addr: sockets.Addr().String()}
}
