package tests

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// A room is a package and what its files may import. Patterns: "x/..." is x and all below it. An import of ours is
// written without the module's name.
type room struct {
	ours    []string // production and test files
	modules []string // third-party packages, production and test files
	tests   []string // what _test.go files may import beside that, of ours or third-party
	http    bool     // may use net/http; the _test.go files of all rooms may
	pure    bool     // bytes and time are arguments: no socket, file, goroutine or log in production files
}

const (
	module      = "lb"
	protoactor  = "github.com/asynkron/protoactor-go/actor" // never remote or cluster: a bad batch ends the process
	deadLetters = "github.com/asynkron/protoactor-go/eventstream"
	actorValues = "github.com/asynkron/protoactor-go/ctxext"
	shardCount  = "github.com/orcaman/concurrent-map" // protoactor's tables, whose size has to be set
	fileEvents  = "github.com/fsnotify/fsnotify"
	logs        = "github.com/rs/zerolog/..."
	metrics     = "github.com/VictoriaMetrics/metrics"
	commandLine = "github.com/urfave/cli/v2"
	systemCalls = "golang.org/x/sys/unix"
	h2Frames    = "golang.org/x/net/http2" // Framer
	h2Fields    = "golang.org/x/net/http2/hpack"
	dnsRecords  = "golang.org/x/net/dns/dnsmessage" // package net does not tell how long an answer of DNS holds
)

// rooms is the plan of the house. A package that is not in it has no place yet.
var rooms = map[string]room{
	"messages":         {},
	"proxy/loop":       {modules: []string{systemCalls}},
	"proxy/semantics":  {pure: true},
	"proxy/h1":         {ours: []string{"proxy/semantics"}, pure: true},
	"proxy/h2":         {ours: []string{"proxy/semantics"}, modules: []string{h2Frames, h2Fields}, pure: true},
	"proxy/balance":    {ours: []string{"messages"}},
	"proxy/transport":  {ours: []string{"proxy/loop"}, modules: []string{systemCalls}},
	"proxy/upstream":   connectionSide,
	"proxy/downstream": connectionSide,
	"proxy":            {ours: []string{"proxy/...", "messages"}},

	"actors/health": {ours: []string{"messages"}, pure: true},
	"supervisor": {
		ours:    []string{"messages"},
		modules: []string{protoactor, deadLetters, actorValues, shardCount, logs},
	},
	"actors": {
		ours:    []string{"messages", "actors/health", "supervisor", "proxy"},
		modules: []string{protoactor, fileEvents, logs, metrics, dnsRecords},
		http:    true, // prober and admin
	},
	"mp": {ours: []string{"messages"}, modules: []string{systemCalls, logs}},
	"cmd/lb": {
		ours:    []string{"messages", "proxy/...", "actors/...", "supervisor", "mp"},
		modules: []string{commandLine, logs},
		http:    true, // the backends of lb demo
	},
	"tests/...": {
		ours:    []string{"messages", "proxy/...", "actors/...", "supervisor", "mp"},
		modules: []string{protoactor, systemCalls, h2Frames, h2Fields, dnsRecords, logs},
		http:    true,
	},
}

// connectionSide is shared by upstream and downstream, which never import each other.
var connectionSide = room{ours: []string{
	"messages", "proxy/transport", "proxy/loop", "proxy/semantics", "proxy/h1", "proxy/h2",
}}

// impure is what a pure room has no use for: I/O, goroutines to share with or wait for, a reader for its log lines. The
// types of package time are welcome there, as arguments.
var impure = []string{"net", "os/...", "syscall", "io/fs", "log/...", "context", "sync/..."}

// emptyWords say nothing about what a thing is, so they name no package and no file.
var emptyWords = []string{
	"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "base", "impl",
}

// A source is a Go file as far as the walls are concerned.
type source struct {
	path    string // from the top of the repository, with slashes
	pkg     string // name in its package clause
	imports []string
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func TestImportsKeepTheWalls(t *testing.T) {
	sources, err := readSources("..")
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) == 0 {
		t.Fatal("no Go files found")
	}
	for _, v := range violations(rooms, sources) {
		t.Error(v)
	}
}

// readSources parses every Go file below top, whatever its build constraints: the files of both systems count. Modules
// of their own (tools) and what the go command ignores are left out.
func readSources(top string) ([]source, error) {
	var found []source
	err := filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != top && isOutside(name):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		s, err := readSource(top, name)
		found = append(found, s)
		return err
	})
	return found, err
}

func isOutside(dir string) bool {
	base := filepath.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func readSource(top, name string) (source, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return source{}, err
	}
	relative, err := filepath.Rel(top, name)
	s := source{path: filepath.ToSlash(relative), pkg: file.Name.Name}
	for _, spec := range file.Imports {
		imported, unquoteErr := strconv.Unquote(spec.Path.Value)
		if unquoteErr != nil {
			return s, fmt.Errorf("%s: %w", name, unquoteErr)
		}
		s.imports = append(s.imports, imported)
	}
	return s, err
}

// violations holds sources against a plan; one line each, in the order of the files.
func violations(plan map[string]room, sources []source) []string {
	var broken []string
	report := func(s source, format string, args ...any) {
		broken = append(broken, s.path+": "+fmt.Sprintf(format, args...))
	}
	for _, s := range sources {
		if word := emptyWord(s); word != "" {
			report(s, "the name says nothing: %s", word)
		}
		name, known := roomOf(plan, path.Dir(s.path))
		if !known {
			report(s, "package %s is not in the import table", path.Dir(s.path))
			continue
		}
		for _, imported := range s.imports {
			if reason := plan[name].refuses(imported, s); reason != "" {
				report(s, "imports %s: %s", imported, reason)
			}
		}
	}
	return broken
}

// roomOf finds the row of a directory: its own, or else the longest pattern that covers it.
func roomOf(plan map[string]room, dir string) (name string, known bool) {
	if _, own := plan[dir]; own {
		return dir, true
	}
	for _, pattern := range slices.Sorted(maps.Keys(plan)) {
		if matches(pattern, dir) && len(pattern) > len(name) {
			name = pattern
		}
	}
	return name, name != ""
}

// refuses gives the reason why a file of this room may not import a package, or "".
func (r room) refuses(imported string, s source) string {
	own := strings.TrimPrefix(imported, module+"/")
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported == "C":
		return "lb is pure Go"
	case own != imported || imported == module:
		if !matchesAny(r.ours, own) && !(s.isTest() && (own == path.Dir(s.path) || matchesAny(r.tests, own))) {
			return "the import table has no such door"
		}
	case strings.Contains(first, "."): // a host name: third-party
		if !matchesAny(r.modules, imported) && !(s.isTest() && matchesAny(r.tests, imported)) {
			return "this module is not for this package"
		}
	case s.isTest():
		return ""
	case matches("net/http/...", imported) && !r.http:
		return "net/http is for actors, cmd/lb and tests"
	case r.pure && matchesAny(impure, imported):
		return "the package is pure: no socket, file, goroutine or log"
	}
	return ""
}

func matches(pattern, name string) bool {
	tree, isTree := strings.CutSuffix(pattern, "/...")
	return name == pattern || isTree && (name == tree || strings.HasPrefix(name, tree+"/"))
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, name) })
}

// emptyWord is the first banned word in the names of a file, its directories and its package.
func emptyWord(s source) string {
	words := strings.FieldsFunc(strings.ToLower(s.path+" "+s.pkg), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, word := range words {
		if slices.Contains(emptyWords, word) {
			return word
		}
	}
	return ""
}
