package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// No test skips in CI for want of a program: .ci/install-peers installs all that tests ask for by a constant name.
func TestInstallPeersKnowsEachProgramOfTheTests(t *testing.T) {
	script, err := os.ReadFile("../.ci/install-peers")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	asks := regexp.MustCompile(`(?:need\(t|startServer\(t, port), "([^"]+)"`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range asks.FindAllStringSubmatch(string(text), -1) {
			found++
			if !regexp.MustCompile(`[(\s]` + regexp.QuoteMeta(match[1]) + `:\S`).Match(script) {
				t.Errorf("%s needs %s, which is not installed", file, match[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d programs found in the tests: is the pattern right?", found)
	}
	if !strings.Contains(string(script), "policy-rc.d") {
		t.Error("servers are started as they are installed")
	}
}
