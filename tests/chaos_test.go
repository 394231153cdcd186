package tests

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// havoc is one lb under load, to which things happen.
type havoc struct {
	*succession
	load     *load
	random   *rand.Rand
	file     string // configuration
	backends []string
	lost     int // requests that were running in workers when those were killed
	upgrades map[string]int
}

// What happens. Each waits until it has happened, so that a seed tells the order of all.
var blows = []struct {
	name string
	do   func(h *havoc)
	mode string // in which alone it is possible; "" for both
}{
	{"upgrade", func(h *havoc) { h.upgrade(); h.upgrades["ok"]++ }, ""},
	{"broken upgrade", (*havoc).brokenUpgrade, ""},
	{"reload", (*havoc).reload, ""},
	{"bad reload", (*havoc).badReload, ""},
	{"workers", func(h *havoc) { h.resize(1 + h.random.IntN(4)) }, ""},
	{"kill", (*havoc).killWorker, "mp"},
	{"backend", (*havoc).leavingBackend, ""},
}

// Everything at once, in an order that only the seed tells: no request is lost but those that ran in a worker that was
// killed.
func TestHavoc(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		seed := seedOf(t)
		h := startHavoc(t, mode, seed)
		var what []string
		for range rounds(100, 8) {
			blow := blows[h.random.IntN(len(blows))]
			if blow.mode != "" && blow.mode != mode {
				continue
			}
			what = append(what, blow.name)
			blow.do(h)
		}
		v := h.load.stop()
		t.Logf("seed %d: %s", seed, strings.Join(what, ", "))
		v.clean(t, h.lost)
		for result, times := range h.upgrades {
			h.counted(result, times)
		}
	})
}

func startHavoc(t *testing.T, mode string, seed uint64) *havoc {
	t.Helper()
	h := &havoc{random: rand.New(rand.NewPCG(seed, 4)), backends: loadBackends(t, 3), upgrades: map[string]int{}}
	h.file = configFile(t, h.config(h.backends))
	h.succession = startSuccession(t, settings{
		workers: 2, health: true,
		args: []string{
			"-c", h.file, "--mode", mode, "--health-interval", "200ms", "--upgrade-timeout", unhurried(time.Second).String(),
		},
	})
	h.load = startLoad(h.addr, rounds(500, 200), seed, mixture)
	return h
}

// What the balancer says when it has read its configuration file.
const (
	reloaded    = "configuration changed"
	notReloaded = "the configuration file is refused"
)

// config is a configuration file with these backends.
func (h *havoc) config(addrs []string) string {
	var entries []string
	for _, addr := range addrs {
		host, port, _ := net.SplitHostPort(addr)
		entries = append(entries, fmt.Sprintf(`{"host":%q,"port":%s,"weight":%d}`, host, port, 1+h.random.IntN(3)))
	}
	return `{"backends":[` + strings.Join(entries, ",") + `]}`
}

// write changes the configuration file and waits for the balancer to have read it.
func (h *havoc) write(text, said string) {
	h.t.Helper()
	before := strings.Count(h.text("log"), said)
	if err := os.WriteFile(h.file+".new", []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(h.file+".new", h.file); err != nil {
		h.t.Fatal(err)
	}
	h.says(said, before+1)
}

func (h *havoc) reload() {
	text, err := os.ReadFile(h.file)
	if err != nil {
		h.t.Fatal(err)
	}
	next := h.config(h.backends)
	for next == string(text) {
		next = h.config(h.backends)
	}
	h.write(next, reloaded)
}

func (h *havoc) badReload() {
	good, err := os.ReadFile(h.file)
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(fmt.Sprintf(`{"backends":[],"round":%d}`, h.random.Uint32()), notReloaded)
	if err := os.WriteFile(h.file, good, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *havoc) brokenUpgrade() {
	broken := brokenBinaries[h.random.IntN(3)]
	h.putScript(broken.mode, broken.script)
	pid := h.pid()
	before := strings.Count(h.text("log"), "the upgrade failed")
	h.signal(syscall.SIGUSR2)
	h.says("the upgrade failed", before+1)
	h.upgrades[broken.result]++
	h.put(h.goodCopy)
	if h.pid() != pid {
		h.t.Errorf("process %d serves, not %d", h.pid(), pid)
	}
}

func (h *havoc) killWorker() {
	w := h.workers()
	victim := w[h.random.IntN(len(w))]
	h.lost += h.killAmid(h.load, victim)
	if !eventually(func() bool { return len(h.workers()) == len(w) }, nil) {
		h.t.Fatalf("after a kill there are the workers %v, before %v", h.workers(), w)
	}
}

// leavingBackend has a backend come, and go when it has done what it had begun.
func (h *havoc) leavingBackend() {
	guest := startLoadBackend(h.t)
	h.write(h.config(append([]string{guest.Addr}, h.backends...)), reloaded)
	var passed sync.WaitGroup
	passed.Go(func() {
		for range 20 {
			if err := visitOnce(h.addr); err != nil {
				h.t.Errorf("while a backend comes and goes: %v", err)
			}
		}
	})
	passed.Wait()
	h.write(h.config(h.backends), reloaded)
	if !eventually(func() bool { return guest.open.Load() == 0 }, nil) {
		h.t.Errorf("%d connections to a backend that is gone from the configuration", guest.open.Load())
	}
	guest.Close()
}

// 3,000 new connections a second find an open port through upgrades, kills of workers and a changing number of them.
func TestNewConnectionsAreNeverRefused(t *testing.T) {
	t.Parallel()
	n := startMaster(t, loadBackends(t, 2))
	connections := []kind{{1, (*load).newConnection}}
	l := startLoad(n.addr, rounds(3000, 500), seedOf(t), connections)
	running := 0
	for range rounds(10, 1) {
		enough := l.answered() + rounds(1500, 50)
		if !eventually(func() bool { return l.answered() > enough }, nil) {
			t.Fatal("no load")
		}
		n.upgrade()
		n.resize(4)
		running += n.killAmid(l, n.workers()[0])
		if !eventually(func() bool { return len(n.workers()) == 4 }, nil) {
			t.Fatalf("the workers are %v", n.workers())
		}
		n.resize(2)
	}
	v := l.stop()
	v.clean(t, running)
	if v.ends["refused"] > 0 {
		t.Errorf("%d connections refused", v.ends["refused"])
	}
}
