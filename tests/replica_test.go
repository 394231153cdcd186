package tests

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// healthPath is what replicas are probed at.
const healthPath = "/health"

// replica is one of several backends that do the same. It answers with its address, until it is made to fail.
type replica struct {
	addr     string
	server   *http.Server
	requests atomic.Int64                     // probes not counted
	probes   atomic.Int64                     // of its health path
	answers  atomic.Pointer[http.HandlerFunc] // nil: its address
}

func startReplica(t *testing.T) *replica {
	t.Helper()
	r := &replica{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	r.serve(l)
	t.Cleanup(func() { r.server.Close() })
	return r
}

func (r *replica) serve(l net.Listener) {
	r.server = &http.Server{Handler: r}
	go r.server.Serve(l)
}

// ServeHTTP implements http.Handler.
func (r *replica) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.URL.Path == healthPath {
		r.probes.Add(1)
	} else {
		r.requests.Add(1)
	}
	if answer := r.answers.Load(); answer != nil {
		(*answer)(w, request)
		return
	}
	fmt.Fprint(w, r.addr)
}

func (r *replica) answer(f http.HandlerFunc) { r.answers.Store(&f) }

func (r *replica) recover(*testing.T) { r.answers.Store(nil) }

// listenAgain serves the address that was given up.
func (r *replica) listenAgain(t *testing.T) {
	t.Helper()
	var l net.Listener
	again := eventually(func() (listens bool) {
		var err error
		l, err = net.Listen("tcp", r.addr)
		return err == nil
	}, nil)
	if !again {
		t.Fatalf("%s cannot be listened on again", r.addr)
	}
	r.serve(l)
}

// affliction is a way in which a replica fails and recovers.
type affliction struct {
	afflict, cure func(*testing.T, *replica)
	// spoils: a byte of a response comes, so that a request cannot be repeated.
	spoils bool
}

var afflictions = map[string]affliction{
	"refusing":                   {refuse, func(t *testing.T, r *replica) { r.listenAgain(t) }, false},
	"resetting":                  {answering(resetConnection), curing, false},
	"ending":                     {answering(endConnection), curing, false},
	"silent":                     {answering(staySilent), curing, false},
	"not speaking HTTP":          {answering(garble), curing, true},
	"unwell on the health path":  {answering(unwell), curing, false},
	"redirecting to an ill host": {answering(redirect), func(*testing.T, *replica) {}, false},
}

func answering(f http.HandlerFunc) func(*testing.T, *replica) {
	return func(_ *testing.T, r *replica) { r.answer(f) }
}

func refuse(_ *testing.T, r *replica) { r.server.Close() }

func curing(t *testing.T, r *replica) { r.recover(t) }

func hijack(w http.ResponseWriter) *net.TCPConn {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	return conn.(*net.TCPConn)
}

func resetConnection(w http.ResponseWriter, _ *http.Request) {
	conn := hijack(w)
	conn.SetLinger(0)
	conn.Close()
}

func endConnection(w http.ResponseWriter, _ *http.Request) { hijack(w).Close() }

func garble(w http.ResponseWriter, _ *http.Request) {
	conn := hijack(w)
	conn.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n"))
	conn.Close()
}

func staySilent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func unwell(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == healthPath {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func redirect(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == healthPath {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	}
}

// process is a replica in a process of its own, which can be stopped.
type process struct {
	addr string
	cmd  *exec.Cmd
}

const replicaAddress = "LB_TEST_REPLICA" // set in a process that is to be a replica

// TestReplicaProcess is no test: it is what startProcess runs.
func TestReplicaProcess(t *testing.T) {
	addr := os.Getenv(replicaAddress)
	if addr == "" {
		t.Skip("run by other tests")
	}
	t.Fatal(http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, addr) })))
}

func startProcess(t *testing.T) *process {
	t.Helper()
	p := &process{addr: refusing(t)}
	p.cmd = exec.Command(os.Args[0], "-test.run=^TestReplicaProcess$")
	p.cmd.Env = append(os.Environ(), replicaAddress+"="+p.addr)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	if !eventually(func() bool { return connects(p.addr) }, nil) {
		t.Fatal("the replica's process does not listen")
	}
	return p
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// turned reports whether the log has a change of a backend's state, turns how many of them.
func (b *balancer) turned(addr, from, to string) bool { return b.turns(addr, from, to) > 0 }

func (b *balancer) turns(addr, from, to string) int {
	return strings.Count(b.stdout.String(), fmt.Sprintf(`"backend":"%s","from":"%s","to":"%s"`, addr, from, to))
}

// awaitTurn waits for a change of a backend's state, awaitTurns for so many of them.
func (b *balancer) awaitTurn(t *testing.T, addr, from, to string) {
	t.Helper()
	b.awaitTurns(t, addr, from, to, 1)
}

func (b *balancer) awaitTurns(t *testing.T, addr, from, to string, n int) {
	t.Helper()
	if !eventually(func() bool { return b.turns(addr, from, to) >= n }, b.exited) {
		t.Fatalf("%s went from %s to %s %d times, want %d", addr, from, to, b.turns(addr, from, to), n)
	}
}

// ask20 sends GET requests one by one and returns how many each backend answered. One that fails, or takes longer, fails the
// test.
func (b *balancer) ask20(t *testing.T, limit time.Duration) map[string]int {
	t.Helper()
	answered := make(map[string]int)
	for range 20 {
		begin := time.Now()
		m := b.get(t, "/")
		if m.status() != 200 {
			t.Errorf("got %q %q", m.start, m.body)
		}
		if took := time.Since(begin); took > limit {
			t.Errorf("a GET took %v", took)
		}
		answered[string(m.body)]++
	}
	return answered
}
