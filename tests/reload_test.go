package tests

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lb/messages"
)

var full = flag.Bool("full", false, "run storms of reloads and sweeps of many backends at their full length")

// lookout watches a balancer by the pages of its admin.
type lookout struct {
	*balancer
	admin string
}

// adminArgs are flags for a place of its own for the admin.
func adminArgs(t *testing.T) (addr string, args []string) {
	t.Helper()
	addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	return addr, []string{"--admin", addr}
}

// configState is the part of /status that tells of reloads.
type configState struct {
	Generation uint64
	Applied    uint64 `json:"reloads_applied"`
	Refused    uint64 `json:"reloads_refused"`
	LastError  string `json:"last_error"`
}

func (l *lookout) config(t *testing.T) configState {
	t.Helper()
	var status struct{ Config configState }
	_, text := page(t, l.admin, "/status")
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return status.Config
}

// await waits until a reload has come to that, and returns how long it took.
func (l *lookout) await(t *testing.T, what string, want func(configState) bool) time.Duration {
	t.Helper()
	began := time.Now()
	if !eventually(func() bool { return want(l.config(t)) }, l.exited) {
		t.Fatalf("%s: the configuration is %+v", what, l.config(t))
	}
	return time.Since(began)
}

// census are the things that must not become more by reloads.
type census struct{ descriptors, goroutines, actors int }

// census counts what is there apart from connections, which come and go with clients: none may do so between the looks at
// them and at the descriptors.
func (l *lookout) census(t *testing.T) (c census) {
	t.Helper()
	look := func() (s scrape, connections int) {
		_, text := page(t, l.admin, "/metrics")
		s = readScrape(t, text)
		return s, int(s.sum("lb_client_connections") + s.sum("lb_backend_connections"))
	}
	_, before := look()
	eventually(func() bool {
		opened := openedBy(t, l.cmd.Process.Pid)
		s, after := look()
		c.descriptors, c.goroutines = opened-after, int(s.sum("go_goroutines"))
		before, after = after, before
		return before == after
	}, l.exited)
	_, tree := page(t, l.admin, "/tree?format=json")
	c.actors = strings.Count(tree, `"uptime_seconds"`)
	return c
}

// openedBy counts the descriptors of a process and of its children.
func openedBy(t *testing.T, pid int) int {
	t.Helper()
	n := descriptors(pid)
	if n < 0 {
		t.Skip("needs /proc")
	}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists { // of each thread
		for _, child := range strings.Fields(read(t, list)) {
			number, err := strconv.Atoi(child)
			if err != nil {
				t.Fatal(err)
			}
			n += openedBy(t, number)
		}
	}
	return n
}

// variant is one of many configurations, each other than the one before. All backends are in it but one or two; the rest
// changes too.
func variant(t *testing.T, r *rand.Rand, number int, addrs []string) string {
	t.Helper()
	c := fileConfig{Backends: listed(t, addrs...), Limits: map[string]any{"connections": 10000 + number}}
	r.Shuffle(len(addrs), func(i, j int) { c.Backends[i], c.Backends[j] = c.Backends[j], c.Backends[i] })
	c.Backends = c.Backends[r.IntN(3):]
	for i := range c.Backends {
		c.Backends[i].Weight = 1 + r.IntN(5)
	}
	c.Strategy = []string{"round_robin", "weighted", "random", "least_conn", "p2c", "hash"}[r.IntN(6)]
	c.Health = map[string]any{"interval": fmt.Sprintf("%dms", 300+r.IntN(500)), "path": "/"}
	c.Timeouts = map[string]any{"response": fmt.Sprintf("%ds", 30+r.IntN(30))}
	return c.String()
}

// faultLine is a line of the log that refuses a file.
type faultLine struct {
	Level, File, Path, Error string
	Line, Column             int
}

func (b *balancer) faultLines(t *testing.T) (lines []faultLine) {
	t.Helper()
	for line := range strings.Lines(b.stdout.String()) {
		if !strings.Contains(line, "the configuration file is refused") {
			continue
		}
		var f faultLine
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		lines = append(lines, f)
	}
	return lines
}

// Under load the file changes again and again, in all the ways in which files change, and is no good now and then. No
// request fails, each good file is the generation that holds soon after, each bad one is one line of the log that says
// where, and in the end there is no more of anything than at the beginning.
func TestReloadStorm(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	if !*full {
		stormOfReloads(t, "sp", 24, 12, 300)
		return
	}
	for _, mode := range []string{"sp", "mp"} {
		t.Run(mode, func(t *testing.T) { stormOfReloads(t, mode, 200, 30, 1000) })
	}
}

func stormOfReloads(t *testing.T, mode string, reloads, bad, rate int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seedOf(t), 1))
	addrs := loadBackends(t, 4)
	all := fileConfig{Backends: listed(t, addrs...), Health: map[string]any{"path": "/"}}
	file := newLiveFile(t, all.String())
	admin, args := adminArgs(t)
	l := &lookout{file.follow(settings{workers: 2, health: true, args: append(args, "--mode", mode)}), admin}

	warm := startLoad(l.addr, rate, 1, mixture)
	eventually(func() bool { return warm.answered() >= rate/2 }, l.exited)
	warm.stop().clean(t, 0)
	before := l.census(t)

	load := startLoad(l.addr, rate, 2, mixture)
	s := reloadStorm{lookout: l, file: file, r: r, addrs: addrs}
	for i := range reloads {
		s.good(t)
		if i*bad/reloads != (i+1)*bad/reloads {
			s.bad(t)
		}
	}
	file.write(all.String())
	s.generation++
	l.await(t, "the last one", s.holds)
	load.stop().clean(t, 0)

	torn := l.config(t).Refused - uint64(bad)
	t.Logf("%d reloads, %d bad files, %d read while they were written; a reload took %v, the slowest %v",
		s.generation, bad, torn, s.median(), slices.Max(s.took))
	s.told(t, torn)
	if s.median() > time.Second {
		t.Errorf("a reload took %v, want less than a second", s.median())
	}
	var after census
	flat := eventually(func() bool {
		after = l.census(t)
		return after.descriptors <= before.descriptors && after.goroutines <= before.goroutines && after.actors == before.actors
	}, l.exited)
	t.Logf("before %+v, after %+v", before, after)
	if !flat {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// reloadStorm is what has been done to the file so far.
type reloadStorm struct {
	*lookout
	file       *liveFile
	r          *rand.Rand
	addrs      []string
	changes    int
	generation uint64 // beyond the first one
	spoiled    int
	signalled  int // of the spoiled ones
	halves     int // how often a change took so long that lb may have read the file before its end
	took       []time.Duration
}

// settles is how long lb waits for a file that is being written.
const settles = 100 * time.Millisecond

// change changes the file.
func (s *reloadStorm) change(w way, text string) {
	began := time.Now()
	w.change(s.file, text)
	s.halves += int(time.Since(began) / settles)
}

// holds reports whether the last good file is the configuration. What was refused does not count: on a busy machine a file
// may be read while it is written, and is no good then.
func (s *reloadStorm) holds(c configState) bool {
	return c.Generation == s.generation+1 && c.Applied == s.generation && c.LastError == ""
}

// told demands one line of the log for each reading that was refused. Whoever signals is told what comes of it, also when
// the file had been read already.
func (s *reloadStorm) told(t *testing.T, torn uint64) {
	t.Helper()
	refused := int(s.config(t).Refused)
	told := func() bool { return len(s.faultLines(t)) >= refused }
	if !eventually(told, s.exited) || len(s.faultLines(t)) > refused+s.signalled {
		t.Errorf("%d log lines of %d bad files, %d of them with a signal: %+v",
			len(s.faultLines(t)), refused, s.signalled, s.faultLines(t))
	}
	if most := s.halves + s.changes/10; torn > uint64(most) {
		t.Errorf("%d of %d changes were read half-way, want at most %d", torn, s.changes, most)
	}
}

func (s *reloadStorm) next(t *testing.T) string {
	t.Helper()
	s.changes++
	return variant(t, s.r, s.changes, s.addrs)
}

// good changes the file so that the change is to be taken over; before that it is touched now and then, which is to
// change nothing.
func (s *reloadStorm) good(t *testing.T) {
	t.Helper()
	if s.r.IntN(4) == 0 {
		now := time.Now()
		s.file.must(os.Chtimes(s.file.path, now, now))
	}
	way := ways[s.changes%len(ways)]
	s.change(way, s.next(t))
	s.generation++
	s.took = append(s.took, s.await(t, way.name, s.holds))
}

// bad makes the file one that must be refused, in one line of the log that says where.
func (s *reloadStorm) bad(t *testing.T) {
	t.Helper()
	m := malformed[s.spoiled%len(malformed)]
	s.spoiled++
	way := ways[s.r.IntN(len(ways))]
	if way.signals {
		s.signalled++
	}
	before := len(s.faultLines(t))
	s.change(way, m.spoil(s.next(t)))
	var lines []faultLine
	told := func() bool {
		lines = s.faultLines(t)[before:]
		return slices.ContainsFunc(lines, func(f faultLine) bool {
			return f.Level == "error" && f.File == s.file.path && f.Line > 0 && f.Column > 0 &&
				(f.Path == m.path || m.path == "" && f.Path != "") && strings.Contains(f.Error, f.Path)
		})
	}
	if !eventually(told, s.exited) {
		t.Fatalf("%s, %s: %+v, want one with line, column and the path %s", m.name, way.name, lines, m.path)
	}
	s.await(t, m.name, func(c configState) bool { return c.Generation == s.generation+1 && c.LastError != "" })
}

func (s *reloadStorm) median() time.Duration {
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[len(sorted)/2]
}

// A storm counts generations: no part of a file that is to be refused may be one.
func TestSpoiledFilesAreNoGoodByHalves(t *testing.T) {
	good := variant(t, rand.New(rand.NewPCG(1, 1)), 1, []string{"127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"})
	if _, err := messages.DecodeConfig([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, m := range malformed {
		text := m.spoil(good)
		for _, part := range []string{text, text[:len(text)/2]} {
			if _, err := messages.DecodeConfig([]byte(part)); err == nil {
				t.Errorf("%s: %d of %d bytes are a good file", m.name, len(part), len(text))
			}
		}
	}
}

// Changes that come faster than they are read end in the last one.
func TestReloadsThatOvertakeEachOther(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	addrs := addresses([]*replica{startReplica(t), startReplica(t)})
	file := newLiveFile(t, fileConfig{Backends: listed(t, addrs[0])}.String())
	admin, args := adminArgs(t)
	l := &lookout{file.follow(settings{args: args}), admin}
	var want string
	for i := range 300 {
		c := fileConfig{Backends: listed(t, addrs...), Limits: map[string]any{"connections": 1000 + i}}
		c.Backends[1].Weight = 1 + i%7
		want = fmt.Sprintf(`lb_backend_weight{backend="%s"} %d`+"\n", addrs[1], c.Backends[1].Weight)
		ways[i%len(ways)].change(file, c.String())
	}
	holds := func() bool {
		_, text := page(t, admin, "/metrics")
		return strings.Contains(text, want) && l.config(t).LastError == ""
	}
	if !eventually(holds, l.exited) {
		t.Errorf("never %s", want)
	}
	before := l.config(t)
	file.signal(read(t, file.path)) // the same bytes, read once more
	if !eventually(func() bool { return strings.Contains(l.stdout.String(), "is unchanged") }, l.exited) {
		t.Error("SIGHUP did not have the file read")
	}
	if after := l.config(t); after.Generation != before.Generation || !holds() {
		t.Errorf("the configuration went from %+v to %+v", before, after)
	}
}
