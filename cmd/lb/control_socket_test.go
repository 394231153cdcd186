package main

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
)

func TestControlSocketIsItsOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lb.sock")
	l, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600 (%v)", info.Mode(), err)
	}
}

func TestControlSocketOfALiveOneStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lb.sock")
	first, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), "in use by a running lb") {
		t.Errorf("the second: %v", err)
	}
	if !answers(path) {
		t.Error("the first one lost its socket")
	}
}

func TestControlSocketThatIsStaleIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lb.sock")
	crashed, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	crashed.SetUnlinkOnClose(false)
	if err := crashed.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if !answers(path) {
		t.Error("nobody answers")
	}
}

func TestControlSocketDoesNotReplaceAFile(t *testing.T) {
	path := configured(t, "precious")
	if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("error %v", err)
	}
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("the file has %q (%v)", text, err)
	}
}

func configured(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindControlWantsExactlyOne(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("TMPDIR", t.TempDir())
	if path, err := findControl(); err == nil || exitCodeOf(err) != exitFailure {
		t.Errorf("without one: %q, %v", path, err)
	}
	first := usualControl(8080)
	for _, path := range []string{first, usualControl(8081)} {
		l, err := listenUnix(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		found, err := findControl()
		switch {
		case path == first && (found != first || err != nil):
			t.Errorf("found %q, want %q (%v)", found, first, err)
		case path != first && (err == nil || exitCodeOf(err) != exitUsage || !strings.Contains(err.Error(), path)):
			t.Errorf("of two: %q, %v", found, err)
		}
	}
	if found := controlOf(8081); found != filepath.Join(dir, "lb-8081.sock") {
		t.Errorf("that of port 8081 is %q", found)
	}
}

// Whoever may not open the socket is told so, and not that nobody is there.
func TestControlSocketThatMayNotBeOpened(t *testing.T) {
	for number, want := range map[syscall.Errno]string{
		syscall.EACCES:       "/s: only the user that lb runs as, or root, may give orders: connect: permission denied",
		syscall.ECONNREFUSED: "no lb answers on /s: connect: connection refused",
	} {
		dialled := &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", number)}
		if got := unreachable("/s", &url.Error{Op: "Post", URL: "http://lb/reload", Err: dialled}); got.Error() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func exitCodeOf(err error) int {
	if _, ok := err.(*usageError); ok {
		return exitUsage
	}
	return exitFailure
}

func TestParseSocketAddress(t *testing.T) {
	for in, want := range map[string]socketAddress{
		"": {}, "127.0.0.1:9090": {"tcp", "127.0.0.1:9090"}, ":0": {"tcp", ":0"}, "[::1]:1": {"tcp", "[::1]:1"},
		"unix:/run/lb/admin.sock": {"unix", "/run/lb/admin.sock"},
	} {
		if got, err := parseSocketAddress("--admin", in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"localhost", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "unix:"} {
		if got, err := parseSocketAddress("--admin", in); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
	if _, err := parseSocketAddress("--admin", "9090"); !strings.Contains(err.Error(), `did you mean "127.0.0.1:9090"?`) {
		t.Errorf("a port alone: %v", err)
	}
}

// A logger that was made before hears of a new level.
func TestLiveLevelChangesLoggersInUse(t *testing.T) {
	var out strings.Builder
	level := newLiveLevel(zerolog.ErrorLevel)
	log := zerolog.New(&out).Sample(level).With().Str("logger", "x").Logger()
	log.Info().Msg("before")
	if err := level.set("debug"); err != nil {
		t.Fatal(err)
	}
	log.Debug().Msg("after")
	if err := level.set("loud"); err == nil {
		t.Error("no such level")
	}
	if got := out.String(); strings.Contains(got, "before") || !strings.Contains(got, "after") {
		t.Errorf("log %q", got)
	}
}
