package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// liveFile is a configuration file that a balancer follows, and all the ways in which files are changed.
type liveFile struct {
	t     *testing.T
	dir   string
	path  string
	swaps int
	b     *balancer // for its signal; nil before the start
}

// newLiveFile is laid out as Kubernetes does it: the file is a link into ..data, which is a link to a directory.
func newLiveFile(t *testing.T, text string) *liveFile {
	t.Helper()
	dir := t.TempDir()
	f := &liveFile{t: t, dir: dir, path: filepath.Join(dir, "lb.json")}
	f.swap(text)
	return f
}

// follow starts a balancer on the file and nothing else. Its admin has an address of its own.
func (f *liveFile) follow(s settings) *balancer {
	f.t.Helper()
	s.args = append(s.args, "-c", f.path)
	f.b = start(f.t, s)
	return f.b
}

func (f *liveFile) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// write replaces the content in place.
func (f *liveFile) write(text string) {
	f.t.Helper()
	f.must(os.WriteFile(f.path, []byte(text), 0o600))
}

// rename puts another file in its place.
func (f *liveFile) rename(text string) {
	f.t.Helper()
	other := f.path + ".new"
	f.must(os.WriteFile(other, []byte(text), 0o600))
	f.must(os.Rename(other, f.path))
}

// swap is what Kubernetes does for a ConfigMap: a new directory, and a link that is moved to it.
func (f *liveFile) swap(text string) {
	f.t.Helper()
	f.swaps++
	fresh, last := fmt.Sprintf("..%d", f.swaps), fmt.Sprintf("..%d", f.swaps-1)
	f.must(os.Mkdir(filepath.Join(f.dir, fresh), 0o700))
	f.must(os.WriteFile(filepath.Join(f.dir, fresh, "lb.json"), []byte(text), 0o600))
	f.link(fresh, "..data")
	if target, err := os.Readlink(f.path); err != nil || target != "..data/lb.json" {
		f.link("..data/lb.json", "lb.json") // the file was replaced in another way meanwhile
	}
	f.must(os.RemoveAll(filepath.Join(f.dir, last)))
}

// link makes a link, in the place of whatever has the name.
func (f *liveFile) link(target, name string) {
	f.t.Helper()
	other := filepath.Join(f.dir, "..link")
	f.must(os.Symlink(target, other))
	f.must(os.Rename(other, filepath.Join(f.dir, name)))
}

// writeInTwo truncates the file and writes each half by itself.
func (f *liveFile) writeInTwo(text string) {
	f.t.Helper()
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_TRUNC, 0o600)
	f.must(err)
	defer file.Close()
	for _, half := range []string{text[:len(text)/2], text[len(text)/2:]} {
		_, err := file.WriteString(half)
		f.must(err)
		f.must(file.Sync())
	}
}

// remake deletes the file and creates it.
func (f *liveFile) remake(text string) {
	f.t.Helper()
	f.must(os.Remove(f.path))
	f.write(text)
}

// signal replaces the content and does not leave it to the file's events.
func (f *liveFile) signal(text string) {
	f.t.Helper()
	f.write(text)
	f.must(f.b.cmd.Process.Signal(syscall.SIGHUP))
}

// way to replace the content.
type way struct {
	name    string
	change  func(f *liveFile, text string)
	signals bool
}

var ways = []way{
	{"written in place", (*liveFile).write, false},
	{"renamed over", (*liveFile).rename, false},
	{"swapped by links", (*liveFile).swap, false},
	{"written in two steps", (*liveFile).writeInTwo, false},
	{"deleted and created", (*liveFile).remake, false},
	{"written, and SIGHUP", (*liveFile).signal, true},
}

// fileConfig is a configuration as a file has it.
type fileConfig struct {
	Backends []fileBackend  `json:"backends"`
	Strategy string         `json:"strategy,omitempty"`
	Health   map[string]any `json:"health,omitempty"`
	Timeouts map[string]any `json:"timeouts,omitempty"`
	Limits   map[string]any `json:"limits,omitempty"`
}

type fileBackend struct {
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Weight int    `json:"weight,omitempty"`
}

// String is the file.
func (c fileConfig) String() string {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// listed are backends as a file lists them.
func listed(t *testing.T, addrs ...string) (list []fileBackend) {
	t.Helper()
	for _, addr := range addrs {
		host, port, _ := strings.Cut(addr, ":")
		b := fileBackend{Host: host}
		if _, err := fmt.Sscan(port, &b.Port); err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

// malformed are ways to spoil a file, with the path at which that is noticed. The first half of each is no good, either: it
// is what lb may find while the file is written.
var malformed = []struct {
	name, path string
	spoil      func(good string) string
}{
	{"half a file", "", func(s string) string { return s[:len(s)/2] }},
	{"unknown key", "$", func(s string) string { return strings.Replace(s, `"limits"`, `"weights"`, 1) }},
	{"port out of range", "$.backends[0].port", func(s string) string { return strings.Replace(s, `"port": `, `"port": 99`, 1) }},
	{"wrong type", "$.strategy", func(s string) string { return replaceValue(s, `"strategy": `, "7") }},
	{"no such strategy", "$.strategy", func(s string) string { return replaceValue(s, `"strategy": `, `"robin"`) }},
	{"weight of nothing", "$.backends[0].weight", func(s string) string { return replaceValue(s, `"weight": `, "0") }},
	{"no backend", "$.backends", func(string) string { return "{\n\t\"backends\": []\n}" }},
	{"trailing garbage", "$", func(s string) string { return s + "\nEOF" }},
	{"byte order mark", "$", func(s string) string { return "\ufeff" + s }},
	{"too large", "$", func(s string) string { return strings.Repeat("\n", 1<<20) + s }},
	{"twice the same", "$.backends[1]", func(string) string {
		return `{"backends": [{"host": "127.0.0.1", "port": 1}, {"host": "127.0.0.1", "port": 1}]}`
	}},
	{"nothing", "$", func(string) string { return "" }},
}

// replaceValue replaces the first value behind key, up to the end of the line, which keeps its comma.
func replaceValue(text, key, value string) string {
	before, rest, _ := strings.Cut(text, key)
	old, after, _ := strings.Cut(rest, "\n")
	if strings.HasSuffix(old, ",") {
		value += ","
	}
	return before + key + value + "\n" + after
}
