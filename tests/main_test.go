// Package tests holds what no single package can test: lb as its users run it, over real sockets, against real peers.
//
// The same tests run against another proxy with `go test ./tests -peer nginx` (or haproxy): that checks the tests
// themselves, their clients and backends. What only lb promises is skipped then.
package tests

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var (
	peer    = flag.String("peer", "", "test `nginx` or haproxy instead of lb, to check the tests themselves")
	overTLS = flag.Bool("tls", false, "have all tests speak TLS with the backends")
	update  = flag.Bool("update", false, "rewrite the transcripts in testdata/wire, and differences.txt, from what lb does")
)

// patience bounds every wait for something that must happen. It is reached only by a test that fails.
const patience = 20 * time.Second

var scratch string // directory of this run: the binary, and the peers' configurations

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runIn(m))
}

func runIn(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lb-tests-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	scratch = dir
	os.Setenv("XDG_RUNTIME_DIR", dir) // for control sockets
	return m.Run()
}

// builtBinary is lb, built once by the first test that starts it; faultyBinary is one that fails when it is asked to.
var (
	builtBinary  = sync.OnceValues(func() (path string, err error) { return build("lb") })
	faultyBinary = sync.OnceValues(func() (path string, err error) { return build("faulty", "-tags", "lbfault") })
)

// build builds lb, with the race detector when the tests have it.
func build(name string, args ...string) (path string, err error) {
	path = filepath.Join(scratch, name)
	args = append([]string{"build", "-o", path}, args...)
	if raceDetector {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "lb/cmd/lb")...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build lb/cmd/lb: %w\n%s", err, out)
	}
	return path, err
}

// lbOnly skips a test of something that other proxies do not promise.
func lbOnly(t *testing.T) {
	t.Helper()
	if *peer != "" {
		t.Skipf("a promise of lb, not of %s", *peer)
	}
}

// peerDiffers skips a test when the named peer runs, which does otherwise.
func peerDiffers(t *testing.T, name, how string) {
	t.Helper()
	if *peer == name {
		t.Skip(name, how)
	}
}

// need returns the path of a program, and skips the test where it is missing.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("needs %s: %v", program, err)
	}
	return path
}
