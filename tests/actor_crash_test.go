package tests

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fail makes an actor of a faulty balancer panic. Its answer may be lost: that of the admin is.
func (b *balancer) fail(t *testing.T, actor string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(b.addr)
	socket := filepath.Join(scratch, "lb-"+port+".sock")
	response, err := unixClient(socket).Post("http://lb/fail?actor="+actor, "application/json", nil)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		t.Fatalf("%s cannot be made to fail: %s", actor, response.Status)
	}
}

// treeActor is an actor in /tree.
type treeActor struct {
	ID, State string
	Restarts  int
	Budget    int                     `json:"budget_left"`
	Last      struct{ Reason string } `json:"last_failure"`
	Children  []treeActor             `json:"children"`
}

// actor finds an actor in the live tree; nil while it is not there.
func (l *lookout) actor(t *testing.T, id string) *treeActor {
	t.Helper()
	var tree struct{ Actors []treeActor }
	_, text := page(t, l.admin, "/tree?format=json")
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return findActor(tree.Actors, id)
}

func findActor(all []treeActor, id string) *treeActor {
	for i := range all {
		if all[i].ID == id {
			return &all[i]
		}
		if found := findActor(all[i].Children, id); found != nil {
			return found
		}
	}
	return nil
}

// memory is what a control plane must not forget, and what only grows.
type memory struct {
	what   string
	probes map[string]float64
}

func (l *lookout) memory(t *testing.T, addrs []string) (m memory) {
	t.Helper()
	_, text := page(t, l.admin, "/metrics")
	s := readScrape(t, text)
	m.probes = map[string]float64{}
	for _, addr := range addrs {
		backend := `backend="` + addr + `"`
		m.what += fmt.Sprintf("%s up %v, draining %v, weight %v, changes %v\n", addr, s.sum("lb_backend_up", backend),
			s.sum("lb_backend_state", backend, `state="draining"`), s.sum("lb_backend_weight", backend),
			s.sum("lb_backend_state_changes_total", backend))
		m.probes[addr] = s.sum("lb_health_checks_total", backend)
	}
	m.what += fmt.Sprintf("generation %d\n", l.config(t).Generation)
	return m
}

// crashed makes an actor panic and waits until it runs again, with its restart and the reason in the tree.
func (l *lookout) crashed(t *testing.T, id string) {
	t.Helper()
	before := l.actor(t, id)
	if before == nil {
		t.Fatalf("there is no actor %s", id)
	}
	l.fail(t, id)
	var now *treeActor
	again := func() bool {
		now = l.actor(t, id)
		return now != nil && now.Restarts == before.Restarts+1 && now.State == "running"
	}
	if !eventually(again, l.exited) {
		t.Fatalf("%s did not come back: before %+v, now %+v", id, before, now)
	}
	if now.Last.Reason != id+" was to fail" || now.Budget >= before.Budget {
		t.Errorf("%s: %+v, before %+v", id, now, before)
	}
	if _, text, _ := l.ctl(t, "tree"); !strings.Contains(text, "ago: "+id+" was to fail") {
		t.Errorf("no reason for the restart of %s in\n%s", id, text)
	}
}

// Each actor of the control plane panics in turn, while requests come. It is restarted and knows what it knew; no request
// notices.
func TestActorsThatPanicAreRestartedWithTheirState(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	addrs := loadBackends(t, 4)
	sick := startReplica(t)
	sick.answer(unwell)
	all := append([]string{sick.addr}, addrs...)
	config := fileConfig{
		Backends: listed(t, all...),
		Health:   map[string]any{"path": healthPath, "interval": "100ms", "status": "200-299"},
	}
	file := newLiveFile(t, config.String())
	admin, args := adminArgs(t)
	l := &lookout{file.follow(settings{workers: 2, health: true, faulty: true, args: args}), admin}
	l.awaitTurn(t, sick.addr, "up", "down")
	l.order(t, "drain", addrs[0])
	l.order(t, "weight", addrs[1], "7")
	config.Strategy = "weighted"
	file.write(config.String())
	l.await(t, "a second generation", func(c configState) bool { return c.Generation == 2 })
	load := startLoad(l.addr, 500, 3, mixture)

	backend := func(addr string) string { return "backends/backend/" + addr }
	for _, id := range []string{
		backend(addrs[1]) + "/prober", backend(sick.addr) + "/prober",
		backend(addrs[0]), backend(addrs[1]), backend(sick.addr),
		"backends", "config", "admin", "workers/worker/1/pool", "backends",
	} {
		before := l.memory(t, all)
		l.crashed(t, id)
		var now memory
		remembers := func() bool {
			now = l.memory(t, all)
			for addr, n := range now.probes {
				if n <= before.probes[addr] { // and it goes on from there
					return false
				}
			}
			return now.what == before.what
		}
		if !eventually(remembers, l.exited) {
			t.Fatalf("after %s failed:\n%v, before:\n%v", id, now, before)
		}
	}
	if l.turned(sick.addr, "down", "up") || l.turned(addrs[0], "draining", "up") {
		t.Error("a backend was up for a moment that is not to be")
	}
	config.Strategy = "round_robin"
	file.rename(config.String())
	l.await(t, "a third generation", func(c configState) bool { return c.Generation == 3 })
	load.stop().clean(t, 0)
	l.order(t, "enable", addrs[0])
	l.awaitTurn(t, addrs[0], "draining", "up")
}

// While the actor that knows all backends is away for seconds, requests are served, a backend that dies meanwhile is passed
// over by the workers themselves, and no counter falls.
func TestRequestsGoOnWithoutTheControlPlane(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	good, dying := startReplica(t), startReplica(t)
	admin, args := adminArgs(t)
	s := watched(args, good.addr, dying.addr)
	s.faulty, s.responseTimeout = true, 0 // nobody is silent here
	l := &lookout{start(t, s), admin}
	figures := func() scrape { _, text := page(t, admin, "/metrics"); return readScrape(t, text) }
	if !eventually(func() bool { return figures().sum("lb_health_checks_total", `result="passed"`) >= 4 }, l.exited) {
		t.Fatal("no probes")
	}
	l.storm(t, 30)
	before := figures()
	for range 7 {
		l.fail(t, "backends")
	}
	away := func() bool {
		a := l.actor(t, "backends")
		return a.State == "failed" && a.Restarts >= 5
	}
	if !eventually(away, l.exited) {
		t.Fatalf("it did not stay away: %+v", l.actor(t, "backends"))
	}
	dying.server.Close()
	l.storm(t, 60)
	after := figures()
	if !away() {
		t.Skip("the machine was too slow: it is back already")
	}
	for series, value := range before.values {
		if now, there := after.values[series]; before.counts(series) && (!there || now < value) {
			t.Errorf("%s fell from %v to %v, there: %v", series, value, now, there)
		}
	}
	if failed := after.sum("lb_backend_failures_total", `backend="`+dying.addr+`"`); failed < 3 {
		t.Errorf("%v failures of the backend that died", failed)
	}
	l.awaitTurn(t, dying.addr, "up", "down")
	l.ask20(t, patiently)
}

// When the supervisor of the workers fails, its children go with it. They serve again at once, and what they see still
// comes to those who keep count of it.
func TestWorkersOutliveTheirSupervisor(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	good, dying := startReplica(t), startReplica(t)
	admin, args := adminArgs(t)
	l := &lookout{start(t, settings{
		backends: []string{good.addr, dying.addr}, health: true, faulty: true, workers: 2,
		args: append(args, "--health-type", "tcp", "--health-interval", "1h"),
	}), admin}
	l.storm(t, 30)
	l.crashed(t, "workers")
	l.storm(t, 30)
	l.says(t, "workers was to fail")
	dying.answer(resetConnection)
	if !eventually(func() bool { l.storm(t, 12); return l.turned(dying.addr, "up", "down") }, l.exited) {
		t.Error("what the workers see comes to nobody")
	}
}

// A drain whose actor fails is over, as its connections are gone: the process does not wait for anything.
func TestDrainEndsWithoutItsActor(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	held := startLasting(t, "held")
	defer close(held.resume)
	b := start(t, settings{backends: []string{held.addr}, faulty: true})
	c := b.dial(t)
	c.send(head("GET", "/long"))
	if status, err := readHead(c, make([]byte, 4)); status != 200 || err != nil {
		t.Fatalf("%d, %v", status, err)
	}
	b.order(t, "stop")
	b.fail(t, "workers")
	select {
	case <-b.exited:
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
}
