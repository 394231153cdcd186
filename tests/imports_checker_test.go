package tests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// planted is a small plan with one of each rule, so that the checker is tested apart from the plan it guards.
var planted = map[string]room{
	"core": {pure: true},
	"edge": {
		ours:    []string{"core"},
		modules: []string{"example.com/lib"},
		tests:   []string{"mem", "example.com/check"},
	},
	"admin":     {ours: []string{"core", "edge"}, http: true},
	"mem":       {},
	"tests/...": {ours: []string{"core", "edge", "admin"}, http: true},
}

func TestImportCheckerFindsViolations(t *testing.T) {
	refused := func(want, file string, imports ...string) {
		t.Helper()
		got := violations(planted, []source{{path: file, pkg: "p", imports: imports}})
		if len(got) != 1 || !strings.HasPrefix(got[0], file+": ") || !strings.Contains(got[0], want) {
			t.Errorf("%s importing %q: got %q, want one violation with %q", file, imports, got, want)
		}
	}
	const noDoor = "the import table has no such door"
	refused(noDoor, "core/a.go", "lb/edge")
	refused(noDoor, "core/a_darwin.go", "lb/edge")
	refused(noDoor, "core/a_test.go", "lb/edge")
	refused(noDoor, "edge/a.go", "lb/mem") // its tests may
	refused(noDoor, "edge/a.go", "lb/core/inner")
	refused(noDoor, "edge/a.go", "lb/corelike")
	refused(noDoor, "edge/a.go", "lb")
	refused("not for this package", "core/a.go", "example.com/lib")
	refused("not for this package", "core/a_test.go", "example.com/lib")
	refused("not for this package", "edge/a.go", "example.com/lib/inner")
	refused("not for this package", "edge/a.go", "example.com/check") // its tests may
	refused("net/http is for", "edge/a.go", "fmt", "net/http")
	refused("net/http is for", "edge/a.go", "net/http/httptest")
	refused("is pure", "core/a.go", "net")
	refused("is pure", "core/a.go", "log/slog")
	refused("is pure", "core/a.go", "bytes", "sync")
	refused("lb is pure Go", "edge/a.go", "C")
	refused("not in the import table", "other/a.go")
	refused("not in the import table", "core/inner/a.go")
	refused("not in the import table", "a.go")
	refused("says nothing: utils", "core/utils.go")
	refused("says nothing: helper", "core/dial_helper_linux.go")
	refused("says nothing: common", "tests/common/a.go")
}

func TestImportCheckerLeavesTheRestAlone(t *testing.T) {
	allowed := func(file string, imports ...string) {
		t.Helper()
		if got := violations(planted, []source{{path: file, pkg: "p", imports: imports}}); len(got) != 0 {
			t.Errorf("%s importing %q: %q", file, imports, got)
		}
	}
	allowed("core/a.go", "bytes", "net/netip", "time", "encoding/json")
	allowed("core/a_test.go", "lb/core", "net", "time", "net/http")
	allowed("edge/a.go", "lb/core", "example.com/lib", "net", "time")
	allowed("edge/a_test.go", "lb/edge", "lb/mem", "example.com/check", "net/http/httptest")
	allowed("admin/a.go", "net/http", "net/http/pprof", "lb/edge")
	allowed("tests/a_test.go", "lb/admin")
	allowed("tests/bench/main.go", "lb/admin", "net/http")
	allowed("core/database.go") // a banned word inside a word
}

func TestImportCheckerNamesEmptyPackageClauses(t *testing.T) {
	got := violations(planted, []source{{path: "core/a.go", pkg: "misc"}})
	if want := []string{"core/a.go: the name says nothing: misc"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestImportCheckerReadsAllSystems plants files in a tree and reads it as it reads ours.
func TestImportCheckerReadsAllSystems(t *testing.T) {
	top := t.TempDir()
	plant := func(name, text string) {
		t.Helper()
		full := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	plant("core/wait_linux.go", "package core\nimport \"bytes\"\n")
	plant("core/wait_darwin.go", "package core\nimport \"lb/edge\"\n")
	plant("core/wait_test.go", "//go:build never\n\npackage core\nimport \"lb/admin\"\n")
	plant("core/testdata/x.go", "package x\nimport \"lb/edge\"\n")
	plant("tools/go.mod", "module lb/tools\n")
	plant("tools/x.go", "package x\nimport \"lb/edge\"\n")

	sources, err := readSources(top)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"core/wait_darwin.go: imports lb/edge: the import table has no such door",
		"core/wait_test.go: imports lb/admin: the import table has no such door",
	}
	if got := violations(planted, sources); !slices.Equal(got, want) || len(sources) != 3 {
		t.Errorf("%d sources, %q; want 3, %q", len(sources), got, want)
	}
}
