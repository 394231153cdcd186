package tests

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// lasting is a backend whose exchanges last until the test lets them end.
type lasting struct {
	*backend
	name   string
	resume chan struct{}
	ended  atomic.Int64 // connections
}

func startLasting(t *testing.T, name string) *lasting {
	t.Helper()
	l := &lasting{name: name, resume: make(chan struct{})}
	answer := serve(l.answer)
	l.backend = startBackend(t, func(v *visit) {
		defer l.ended.Add(1)
		answer(v)
	})
	return l
}

func (l *lasting) answer(v *visit, m *message) (more bool) {
	switch m.target() {
	case "/long":
		v.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
		select {
		case <-l.resume:
		case <-time.After(patience):
		}
		v.send("half")
	case "/tunnel":
		v.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(v.TCPConn, v.reader)
		return false
	default:
		v.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(l.name), l.name))
	}
	return true
}

// What runs on a backend that a reload removes runs on to its end: a download, an upload and a tunnel. Its idle connections
// close at once, the others with their exchange, its series end, and it gets nothing new until it is back.
func TestReloadLetsARemovedBackendFinish(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	old, other := startLasting(t, "old"), startLasting(t, "other")
	file := newLiveFile(t, fileConfig{Backends: listed(t, old.addr)}.String())
	admin, args := adminArgs(t)
	l := &lookout{file.follow(settings{args: args}), admin}
	series := func(b *lasting) bool {
		_, text := page(t, admin, "/metrics")
		return strings.Contains(text, `backend="`+b.addr+`"`)
	}

	download, upload, tunnel := l.dial(t), l.dial(t), l.dial(t)
	download.send(head("GET", "/long"))
	half := make([]byte, 4)
	if m, err := readHead(download, half); err != nil || m != 200 {
		t.Fatalf("%d, %v", m, err)
	}
	upload.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf")
	tunnel.send(head("GET", "/tunnel", "Connection: Upgrade", "Upgrade: echo"))
	if m := tunnel.response("GET"); m.status() != 101 {
		t.Fatalf("%v", m)
	}
	l.get(t, "/").expect(t, 200, "old") // the connection to the backend that is idle from now on
	if !eventually(func() bool { return old.connections() == 4 }, l.exited) || !series(old) {
		t.Fatalf("%d connections, want 4; series: %v", old.connections(), series(old))
	}

	file.write(fileConfig{Backends: listed(t, other.addr)}.String())
	l.await(t, "without the old one", func(c configState) bool { return c.Generation == 2 })
	if !eventually(func() bool { return old.ended.Load() == 1 && !series(old) }, l.exited) {
		t.Errorf("%d connections have ended, want the idle one; series: %v", old.ended.Load(), series(old))
	}
	for range 10 {
		l.get(t, "/").expect(t, 200, "other")
	}
	close(old.resume)
	if _, err := io.ReadFull(download.reader, half); err != nil || string(half) != "half" {
		t.Errorf("the download ended with %q, %v", half, err)
	}
	upload.send("half")
	upload.response("POST").expect(t, 200, "old")
	tunnel.send("still there?")
	echo := make([]byte, 12)
	if _, err := io.ReadFull(tunnel.reader, echo); err != nil || string(echo) != "still there?" {
		t.Errorf("the tunnel: %q, %v", echo, err)
	}
	tunnel.Close()
	for _, c := range []*client{download, upload} { // which outlive their exchange
		c.roundTrip("GET", "/").expect(t, 200, "other")
	}
	if !eventually(func() bool { return old.ended.Load() == 4 }, l.exited) || old.connections() != 4 {
		t.Errorf("%d of %d connections have ended, want 4 of 4", old.ended.Load(), old.connections())
	}

	file.rename(fileConfig{Backends: listed(t, other.addr, old.addr)}.String())
	l.await(t, "with the old one again", func(c configState) bool { return c.Generation == 3 })
	back := func() bool { return string(l.get(t, "/").body) == "old" && series(old) }
	if !eventually(back, l.exited) {
		t.Error("a backend that is back gets nothing")
	}
}

// readHead reads a response up to as many bytes of its body as there is room for.
func readHead(c *client, body []byte) (status int, err error) {
	line, err := readLine(c.reader)
	if err != nil {
		return 0, err
	}
	if _, err := readFields(c.reader); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(c.reader, body)
	return (&message{start: line}).status(), err
}

// Another order, other weights and another strategy change nothing of what is known: a backend that is down stays down, one
// that is drained by hand stays drained, connections are used again, and counters go on.
func TestReloadKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	good, better, sick, drained := startReplica(t), startReplica(t), startReplica(t), startReplica(t)
	sick.answer(unwell)
	known := []*replica{good, better, sick, drained}
	config := fileConfig{
		Backends: listed(t, addresses(known)...),
		Health:   map[string]any{"path": healthPath, "interval": "100ms", "status": "200-299"},
	}
	file := newLiveFile(t, config.String())
	admin, args := adminArgs(t)
	l := &lookout{file.follow(settings{health: true, args: args}), admin}
	l.awaitTurn(t, sick.addr, "up", "down")
	l.order(t, "drain", drained.addr)
	l.awaitTurn(t, drained.addr, "up", "draining")
	l.tally(t, 20)
	figures := func() scrape { _, text := page(t, admin, "/metrics"); return readScrape(t, text) }
	before, asked := figures(), sick.requests.Load()+drained.requests.Load()

	config.Backends = listed(t, drained.addr, sick.addr, better.addr, good.addr)
	config.Backends[1].Weight, config.Backends[2].Weight = 5, 3
	config.Strategy = "weighted"
	file.write(config.String())
	l.await(t, "reordered and reweighed", func(c configState) bool { return c.Generation == 2 })
	if !eventually(func() bool { return figures().sum("lb_backend_weight") == 10 }, l.exited) {
		t.Fatalf("weights: %v", figures().sum("lb_backend_weight"))
	}
	counts := l.tally(t, 40)
	after := figures()
	if counts[better.addr] != 30 || counts[good.addr] != 10 {
		t.Errorf("answered by %v, want 3 to 1 of %s and %s", counts, better.addr, good.addr)
	}
	if n := sick.requests.Load() + drained.requests.Load() - asked; n > 0 {
		t.Errorf("%d requests to backends that are down or drained", n)
	}
	after.expect(t, before, 0, "lb_backend_connections_total", `use="new"`)
	after.expect(t, before, 40, "lb_backend_connections_total", `use="reused"`)
	after.expect(t, before, 40, "lb_backend_requests_total", `class="2xx"`)
	after.expect(t, before, 0, "lb_backend_state_changes_total")
	for _, r := range known {
		backend := `backend="` + r.addr + `"`
		if got := after.sum("lb_health_checks_total", backend) - before.sum("lb_health_checks_total", backend); got < 0 {
			t.Errorf("the number of probes of %s fell by %v", r.addr, -got)
		}
	}
	l.order(t, "enable", drained.addr)
	l.awaitTurn(t, drained.addr, "draining", "up")
}

// Backends of the command line stay, whatever the file says; one that is in both is one.
func TestReloadLeavesTheCommandLineAlone(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	fixed, first, second := startLasting(t, "fixed"), startLasting(t, "first"), startLasting(t, "second")
	file := newLiveFile(t, fileConfig{Backends: listed(t, first.addr)}.String())
	admin, args := adminArgs(t)
	l := &lookout{file.follow(settings{backends: []string{fixed.addr}, args: args}), admin}
	serving := func(want ...*lasting) func() bool {
		return func() bool {
			counts, sum := l.tally(t, 4*len(want)), 0
			for _, b := range want {
				if counts[b.name] == 4 {
					sum++
				}
			}
			return sum == len(want)
		}
	}
	if !serving(fixed, first)() {
		t.Error("not the backends of both")
	}
	file.write(fileConfig{Backends: listed(t, second.addr)}.String())
	if !eventually(serving(fixed, second), l.exited) {
		t.Error("not the backend of the command line and the new one of the file")
	}
}
