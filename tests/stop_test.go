package tests

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// signal sends a signal to the balancer's first process.
func (b *balancer) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the end of the balancer's first process.
func (b *balancer) ends(t *testing.T) {
	t.Helper()
	select {
	case <-b.exited:
	case <-time.After(patience):
		t.Fatalf("the balancer does not end\n%s", b.stdout.String())
	}
}

// cutOff repeats the signal until it counts as the second one.
func (b *balancer) cutOff(t *testing.T) {
	t.Helper()
	again := func() bool {
		_ = b.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended
		return false
	}
	eventually(again, b.exited)
	b.ends(t)
}

// says waits for a log line with the text.
func (b *balancer) says(t *testing.T, text string) {
	t.Helper()
	if !eventually(func() bool { return strings.Contains(b.stdout.String(), text) }, b.exited) {
		t.Fatalf("no %q in the log:\n%s", text, b.stdout.String())
	}
}

// Every request that finds an open port is answered, in the middle of a stop as before it; those who come later are
// refused.
func TestStopAnswersAllThatItAccepted(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, c := range []struct {
		mode string
		sig  syscall.Signal
	}{{"sp", syscall.SIGTERM}, {"sp", syscall.SIGINT}, {"sp", syscall.SIGQUIT}, {"mp", syscall.SIGTERM}} {
		b := start(t, settings{backends: loadBackends(t, 2), workers: 2, args: []string{"--mode", c.mode}})
		v := stopAmid(t, b, c.sig)
		t.Logf("%s, %v: %v", c.mode, c.sig, v)
		for word, n := range v.ends {
			if word != "refused" {
				t.Errorf("%s, %v: %d requests %s: %q", c.mode, c.sig, n, word, v.samples)
			}
		}
		if b.err != nil {
			t.Errorf("%s, %v: ended with %v", c.mode, c.sig, b.err)
		}
	}
}

// stopAmid sends a signal in the middle of a load and of 50 slow downloads.
func stopAmid(t *testing.T, b *balancer, sig syscall.Signal) verdict {
	t.Helper()
	l := startLoad(b.addr, 300, seedOf(t), mixture)
	l.also(50)
	var slow sync.WaitGroup
	for range 50 {
		slow.Go(func() { l.note(l.slowDownload(nil), 0) })
	}
	if !eventually(func() bool { return l.answered() >= 100 }, b.exited) {
		t.Fatal("no load")
	}
	b.signal(t, sig)
	b.ends(t)
	slow.Wait()
	return l.stop()
}

// A connection that waits for its next request gets a chance to send it, and learns with the answer that it was the
// last.
func TestStopAnnouncesTheEnd(t *testing.T) {
	t.Parallel()
	back := startBackend(t, serve(ok))
	b := start(t, settings{backends: []string{back.addr}})
	used, unused := b.dial(t), b.dial(t)
	used.roundTrip("GET", "/").expect(t, 200, "ok")
	unused.roundTrip("GET", "/").expect(t, 200, "ok")
	b.signal(t, syscall.SIGTERM)
	if *peer == "" {
		b.says(t, "draining")
	}
	if !eventually(func() bool { return !connects(b.addr) }, b.exited) {
		t.Error("the port is still open")
	}
	last := used.roundTrip("GET", "/")
	last.expect(t, 200, "ok")
	if how, _ := last.field("Connection"); how != "close" {
		t.Errorf("Connection: %q on the last response", how)
	}
	if !used.ended() || !unused.ended() {
		t.Error("the connections did not end")
	}
	b.ends(t)
}

// During the delay nothing changes but readiness.
func TestDrainDelay(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	at := filepath.Join(t.TempDir(), "admin")
	b := start(t, settings{backends: []string{back.addr}, args: []string{"--drain-delay", "1h", "--admin", "unix:" + at}})
	b.signal(t, syscall.SIGTERM)
	unready := func() bool {
		response, err := unixClient(at).Get("http://lb/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusServiceUnavailable
	}
	if !eventually(unready, b.exited) {
		t.Error("still ready")
	}
	b.get(t, "/").expect(t, 200, "ok")
	b.cutOff(t)
	b.err = nil // a second signal ends at once, which is no success
	b.stderr = record{}
}

func TestSecondSignalCutsOff(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, func(v *visit) { v.request(); v.hold() })
	b := start(t, settings{backends: []string{back.addr}})
	c := b.dial(t)
	c.send(head("GET", "/"))
	if !eventually(func() bool { return back.connections() == 1 }, b.exited) {
		t.Fatal("no request arrived")
	}
	b.signal(t, syscall.SIGTERM)
	b.says(t, "draining")
	b.cutOff(t)
	var exit *exec.ExitError
	if !errors.As(b.err, &exit) || exit.ExitCode() != 1 || !strings.Contains(b.stderr.String(), "a second signal") {
		t.Errorf("ended with %v, %q", b.err, b.stderr.String())
	}
	b.err, b.stderr = nil, record{}
}

func TestDrainTimeoutCutsOff(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, func(v *visit) { v.request(); v.hold() })
	b := start(t, settings{backends: []string{back.addr}, args: []string{"--drain-timeout", "200ms"}})
	c := b.dial(t)
	c.send(head("GET", "/"))
	if !eventually(func() bool { return back.connections() == 1 }, b.exited) {
		t.Fatal("no request arrived")
	}
	b.signal(t, syscall.SIGTERM)
	b.ends(t)
	if b.err != nil || !strings.Contains(b.stdout.String(), "cut off at the end of the drain") {
		t.Errorf("ended with %v", b.err)
	}
}

func TestLogFileIsOpenedAgain(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	log := filepath.Join(t.TempDir(), "lb.log")
	b := start(t, settings{backends: []string{back.addr}, args: []string{"--log-file", log, "--access-log", "on"}})
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	b.signal(t, syscall.SIGUSR1)
	reopened := func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "the log was opened again")
	}
	if !eventually(reopened, b.exited) {
		t.Fatal("the log was not opened again")
	}
	b.get(t, "/new").expect(t, 200, "ok")
	logged := func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), `"path":"/new"`)
	}
	if !eventually(logged, b.exited) {
		t.Error("the new file has no line of the request")
	}
	if b.stdout.Len() > 0 {
		t.Errorf("on stdout: %q", b.stdout.String())
	}
}

// A terminal that changes its size ends nothing.
func TestWindowChangesAreIgnored(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(ok))
	b := start(t, settings{backends: []string{back.addr}})
	b.signal(t, syscall.SIGWINCH)
	b.signal(t, syscall.SIGHUP)
	b.get(t, "/").expect(t, 200, "ok")
}

// unixClient speaks HTTP over a unix socket.
func unixClient(path string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
}
