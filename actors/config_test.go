package actors

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

// reloadWithin is much longer than a reload takes on a machine that is not busy: a tenth of a second.
const reloadWithin = 5 * time.Second

// reloading is a configuration actor on a real file, with a stand-in for the backends.
type reloading struct {
	t       *testing.T
	dir     string
	path    string
	system  *supervisor.System
	pid     *actor.PID
	changes chan messages.ConfigChanged
	log     *safeBuffer
}

type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// reload starts with a backend on port 1. adjust may be nil.
func reload(t *testing.T, adjust func(*configuration)) *reloading {
	t.Helper()
	dir := t.TempDir()
	r := &reloading{
		t: t, dir: dir, path: filepath.Join(dir, "lb.json"), system: supervisor.NewSystem(supervisor.Options{}),
		changes: make(chan messages.ConfigChanged, 1000), log: &safeBuffer{},
	}
	r.write(r.path, fileOf(1, ""))
	r.begin(adjust)
	return r
}

func (r *reloading) begin(adjust func(*configuration)) {
	r.t.Helper()
	spawn := func(name string, a func() actor.Actor) *actor.PID {
		pid, err := r.system.Spawn(r.system.Props(a), name)
		if err != nil {
			r.t.Fatal(err)
		}
		return pid
	}
	backends := spawn("backends", func() actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if m, is := ctx.Message().(messages.ConfigChanged); is {
				r.changes <- m
			}
		})
	})
	state := newReloads(optionsOf(r.t, r.path, fileOf(1, "")), time.Now())
	r.pid = spawn("config", func() actor.Actor {
		c := newConfiguration(r.system, backends, state, zerolog.New(r.log))
		c.every = time.Hour
		if adjust != nil {
			adjust(c)
		}
		return c
	})
	r.t.Cleanup(func() {
		if err := r.system.Shutdown(reloadWithin); err != nil {
			r.t.Error(err)
		}
		if err := r.system.Goroutines.Wait(reloadWithin); err != nil {
			r.t.Error(err)
		}
	})
	r.order() // the first reading is over, and directories are watched
}

func (r *reloading) write(path, text string) {
	r.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// replace renames a new file over the path.
func (r *reloading) replace(text string) {
	r.t.Helper()
	r.write(r.path+".new", text)
	r.try(os.Rename(r.path+".new", r.path))
}

func (r *reloading) try(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// await returns when a configuration with the backend's port has come.
func (r *reloading) await(port uint16) messages.ConfigChanged {
	r.t.Helper()
	deadline := time.After(reloadWithin)
	for {
		select {
		case m := <-r.changes:
			if m.Config.Backends[0].Port == port {
				return m
			}
		case <-deadline:
			r.t.Fatalf("no configuration with port %d; log:\n%s", port, r.log)
		}
	}
}

// order has the file read, and returns what was answered.
func (r *reloading) order() error {
	r.t.Helper()
	answer, err := r.system.Root.RequestFuture(r.pid, messages.ReloadConfig{}, reloadWithin).Result()
	r.try(err)
	return answer.(messages.Done).Err
}

func (r *reloading) status() messages.ConfigStatus {
	r.t.Helper()
	answer, err := r.system.Root.RequestFuture(r.pid, messages.ConfigAsked{}, reloadWithin).Result()
	r.try(err)
	return answer.(messages.ConfigStatus)
}

// awaitRefusal returns when the file was refused.
func (r *reloading) awaitRefusal() string {
	r.t.Helper()
	deadline := time.Now().Add(reloadWithin)
	for time.Now().Before(deadline) {
		if s := r.status(); s.LastError != "" {
			return s.LastError
		}
	}
	r.t.Fatalf("the file was not refused; log:\n%s", r.log)
	return ""
}

func TestFileWrittenInPlace(t *testing.T) {
	r := reload(t, nil)
	for port := 2; port < 6; port++ {
		r.write(r.path, fileOf(port, ""))
		if m := r.await(uint16(port)); m.Generation != uint64(port) {
			t.Errorf("port %d has generation %d", port, m.Generation)
		}
	}
}

func TestFileRenamedOverAgainAndAgain(t *testing.T) {
	r := reload(t, nil)
	for port := 2; port < 6; port++ {
		r.replace(fileOf(port, ""))
		if m := r.await(uint16(port)); m.Generation != uint64(port) {
			t.Errorf("port %d has generation %d", port, m.Generation)
		}
	}
}

func TestStormOfRenamesEndsInTheLast(t *testing.T) {
	r := reload(t, nil)
	for port := 2; port <= 201; port++ {
		r.replace(fileOf(port, ""))
	}
	r.await(201)
	if s := r.status(); s.Refused > 0 || s.Applied > 200 {
		t.Errorf("status %+v", s)
	}
}

// A volume of Kubernetes: the file is a link to ..data/lb.json, and ..data a link that is renamed over.
func TestLinkOfADirectoryIsSwapped(t *testing.T) {
	r := reload(t, nil)
	volume := filepath.Join(r.dir, "volume")
	generation := func(port int) {
		name := fmt.Sprintf("..%d", port)
		r.try(os.MkdirAll(filepath.Join(volume, name), 0o700))
		r.write(filepath.Join(volume, name, "lb.json"), fileOf(port, ""))
		r.try(os.Symlink(name, filepath.Join(volume, "..data_tmp")))
		r.try(os.Rename(filepath.Join(volume, "..data_tmp"), filepath.Join(volume, "..data")))
	}
	generation(2)
	r.try(os.Symlink("..data/lb.json", filepath.Join(volume, "lb.json")))
	r.try(os.Remove(r.path))
	r.try(os.Symlink(filepath.Join(volume, "lb.json"), r.path))
	r.await(2)
	for port := 3; port < 6; port++ {
		generation(port)
		r.await(uint16(port))
		r.try(os.RemoveAll(filepath.Join(volume, fmt.Sprintf("..%d", port-1))))
	}
}

func TestFileBehindALinkIsWritten(t *testing.T) {
	r := reload(t, nil)
	elsewhere := filepath.Join(t.TempDir(), "real.json")
	r.write(elsewhere, fileOf(2, ""))
	r.try(os.Symlink(elsewhere, r.path+".link"))
	r.try(os.Rename(r.path+".link", r.path))
	r.await(2)
	r.write(elsewhere, fileOf(3, ""))
	r.await(3)
}

func TestFileDeletedAndCreated(t *testing.T) {
	r := reload(t, nil)
	r.try(os.Remove(r.path))
	want := "configuration file " + r.path + ": no such file or directory"
	if got := r.awaitRefusal(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s := r.status(); s.Generation != 1 || s.Refused != 1 {
		t.Errorf("status %+v", s)
	}
	r.write(r.path, fileOf(2, ""))
	if m := r.await(2); m.Generation != 2 {
		t.Errorf("generation %d", m.Generation)
	}
	if s := r.status(); s.LastError != "" {
		t.Errorf("status %+v", s)
	}
}

func TestWhoOrdersAReloadIsToldWhatCameOfIt(t *testing.T) {
	r := reload(t, func(c *configuration) { // an event could be faster than the order
		c.watching = func(string, *supervisor.Goroutines, func()) (*watch, error) { return nil, errors.New("no events") }
	})
	order := func(text, want, fault string) {
		t.Helper()
		r.replace(text)
		answer, err := r.system.Root.RequestFuture(r.pid, messages.ReloadConfig{}, reloadWithin).Result()
		r.try(err)
		done := answer.(messages.Done)
		if done.Text != want || (done.Err == nil) != (fault == "") || done.Err != nil && done.Err.Error() != fault {
			t.Errorf("got %q, %v, want %q, %s", done.Text, done.Err, want, fault)
		}
	}
	order(fileOf(1, ""), "the configuration file changes nothing", "")
	order(fileOf(2, ""), "configuration changed: backend 127.0.0.1:2 added, backend 127.0.0.1:1 removed", "")
	order(fileOf(2, `,"listen":{"workers":7}`), "takes effect at the next start only: listen.workers", "")
	fault := r.path + ": line 1, column 1: $: the file ends where a value should be"
	for range 3 {
		order("", "", fault)
	}
	if n := strings.Count(r.log.String(), "refused"); n != 1 { // the others have their answer
		t.Errorf("%d lines tell of it:\n%s", n, r.log)
	}
}

// A FIFO would keep its reader waiting for a writer, a device has no end.
func TestWhatIsNotARegularFileIsNotRead(t *testing.T) {
	fifo, device := filepath.Join(t.TempDir(), "fifo"), "/dev/zero"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, device} {
		ended := make(chan error, 1)
		go func() {
			_, err := ReadConfigFile(path)
			ended <- err
		}()
		want := "configuration file " + path + ": not a regular file"
		select {
		case err := <-ended:
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		case <-time.After(reloadWithin):
			t.Fatalf("%s keeps its reader", path)
		}
	}
}

func TestFileReplacedByAFIFO(t *testing.T) {
	r := reload(t, nil)
	r.try(syscall.Mkfifo(r.path+".fifo", 0o600))
	r.try(os.Rename(r.path+".fifo", r.path))
	want := "configuration file " + r.path + ": not a regular file"
	if got := r.awaitRefusal(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := strings.Count(r.log.String(), "refused"); n != 1 {
		t.Errorf("%d lines tell of it:\n%s", n, r.log)
	}
	r.replace(fileOf(2, ""))
	r.await(2)
}

func TestTouchedFileChangesNothing(t *testing.T) {
	r := reload(t, nil)
	now := time.Now().Add(time.Minute)
	r.try(os.Chtimes(r.path, now, now))
	r.try(os.Chmod(r.path, 0o644))
	r.write(r.path, fileOf(1, ""))
	r.write(filepath.Join(r.dir, "another"), "file")
	if err := r.order(); err != nil {
		t.Fatal(err)
	}
	r.write(r.path, fileOf(2, ""))
	if m := r.await(2); m.Generation != 2 {
		t.Errorf("generation %d", m.Generation)
	}
}

func TestHalfAFileKeepsTheOldConfiguration(t *testing.T) {
	r := reload(t, nil)
	whole := fileOf(2, "")
	for cut := range len(whole) {
		r.write(r.path, whole[:cut])
		if err := r.order(); err == nil {
			t.Fatalf("%q was taken", whole[:cut])
		}
	}
	if s := r.status(); s.Generation != 1 || s.Applied != 0 {
		t.Errorf("status %+v", s)
	}
	r.write(r.path, whole)
	if m := r.await(2); m.Generation != 2 {
		t.Errorf("generation %d", m.Generation)
	}
}

func TestRefusedFileIsOneLineWithItsPlace(t *testing.T) {
	r := reload(t, nil)
	r.replace("{\n \"backends\": [{\"host\": \"a\", \"prot\": 1}]}")
	fault := `line 2, column 29: $.backends[0]: unknown key "prot"; did you mean "port"?`
	if got := r.awaitRefusal(); got != fault {
		t.Errorf("got %q", got)
	}
	r.system.Root.Send(r.pid, touched{})
	r.system.Root.Send(r.pid, settled{})
	r.status()
	r.replace(fileOf(2, `,"listen":{"workers":7}`))
	r.await(2)
	r.status()
	var lines []string
	for line := range strings.Lines(r.log.String()) {
		if !strings.Contains(line, "unchanged") {
			lines = append(lines, line)
		}
	}
	want := []string{
		`{"level":"error","logger":"config","file":"` + r.path + `","line":2,"column":29,"path":"$.backends[0]",` +
			`"error":"line 2, column 29: $.backends[0]: unknown key \"prot\"; did you mean \"port\"?",` +
			`"message":"the configuration file is refused; the configuration stays as it was"}` + "\n",
		`{"level":"info","logger":"config","file":"` + r.path + `","generation":2,"changes":["backend 127.0.0.1:2 added",` +
			`"backend 127.0.0.1:1 removed"],"message":"configuration changed"}` + "\n",
		`{"level":"warn","logger":"config","file":"` + r.path + `","settings":["listen.workers"],` +
			`"message":"takes effect at the next start only"}` + "\n",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%swant\n%s", strings.Join(lines, ""), strings.Join(want, ""))
	}
}

func TestWithoutEventsTheFileIsPolled(t *testing.T) {
	r := reload(t, func(c *configuration) {
		c.every = time.Millisecond
		c.watching = func(string, *supervisor.Goroutines, func()) (*watch, error) { return nil, errors.New("too many") }
	})
	r.write(r.path, fileOf(2, ""))
	r.await(2)
	if !strings.Contains(r.log.String(), `"error":"too many"`) {
		t.Errorf("log: %s", r.log)
	}
}

// What was accepted outlives the actor, and is told again. A text over which it failed is not looked at a second time,
// and is not taken for right either.
func TestRestartedActorGoesOn(t *testing.T) {
	r := reload(t, nil)
	r.write(r.path, fileOf(2, ""))
	r.await(2)
	r.replace(fileOf(14, ""))
	if m := r.await(2); m.Generation != 2 {
		t.Errorf("generation %d after the restart", m.Generation)
	}
	if err := r.order(); !errors.Is(err, errUnfinished) {
		t.Errorf("the file is said to be right but for %v", err)
	}
	if failures := r.system.History.Failures(); len(failures) != 1 {
		t.Errorf("%d failures, want 1", len(failures))
	}
	r.replace(fileOf(3, ""))
	r.await(3)
}

// A reading may be on its way when the actor that ordered it fails. It may be older than what is known when it comes.
func TestReadingOfAPredecessorDoesNotCount(t *testing.T) {
	r := reload(t, nil)
	r.system.Root.Send(r.pid, configRead{text: []byte(fileOf(66, ""))})
	if err := r.order(); err != nil {
		t.Fatal(err)
	}
	if s := r.status(); s.Generation != 1 {
		t.Errorf("generation %d, by a reading that nobody waits for", s.Generation)
	}
}

func TestDirectoriesOnTheWay(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	try(os.MkdirAll(at("a/b"), 0o700))
	try(os.MkdirAll(at("c"), 0o700))
	try(os.WriteFile(at("c/file"), nil, 0o600))
	try(os.Symlink("../../c/link", at("a/b/file")))
	try(os.Symlink("file", at("c/link")))
	try(os.Symlink("a", at("d")))
	try(os.Symlink("loop", at("loop")))
	for path, want := range map[string][]string{
		"c/file":         {"c"},
		"c/link":         {"c"},
		"d/b/file":       {".", "a/b", "c"},
		"c/missing":      {"c"},
		"missing/either": {"."},
		"loop":           {"."},
	} {
		var absolute []string
		for _, name := range want {
			absolute = append(absolute, at(name))
		}
		if got := directories(at(path)); !slices.Equal(got, absolute) {
			t.Errorf("%s: %q, want %q", path, got, absolute)
		}
	}
}
