package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lb/actors"
	"lb/messages"
)

// standIn is a balancer made of net/http, by which the program around the real one is tested.
type standIn struct {
	config messages.Config
	admin  actors.AdminOptions
	ended  chan error
	stuck  bool // a drain never ends
	within chan time.Duration

	withdrawn  atomic.Bool
	handedOver bool
	reloads    chan struct{} // nil: there is no configuration file
}

func newStandIn() *standIn {
	return &standIn{ended: make(chan error, 1), within: make(chan time.Duration, 2)}
}

func (s *standIn) Wait() error { return <-s.ended }

func (s *standIn) Records() ([]messages.BackendRecord, error) { return nil, nil }
func (s *standIn) Resizable() error                           { return nil }
func (s *standIn) Resize([][]int) error                       { return nil }
func (s *standIn) CloseDoors()                                {}
func (s *standIn) Adopt(messages.Moved, []int)                {}
func (s *standIn) Answers() bool                              { return true }
func (s *standIn) Broadcast(any)                              {}

func (s *standIn) Withdraw() { s.withdrawn.Store(true) }

func (s *standIn) Drain(within time.Duration) error {
	s.within <- within
	if !s.stuck {
		s.ended <- nil
	}
	return nil
}

func (s *standIn) HandOver(within time.Duration) error {
	s.handedOver = true
	return s.Drain(within)
}

func (s *standIn) Reload() bool {
	if s.reloads == nil {
		return false
	}
	s.reloads <- struct{}{}
	return true
}

// start serves on the sockets by round robin.
func (s *standIn) start(o actors.Options) (balancer, error) {
	s.config, s.admin = o.Config, o.Admin
	handler := roundRobin(o.Config.Backends)
	for _, fd := range slices.Concat(o.Sockets...) {
		copied, err := syscall.Dup(fd)
		if err != nil {
			return nil, err
		}
		file := os.NewFile(uintptr(copied), "listener")
		listener, err := net.FileListener(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		go func() { _ = http.Serve(listener, handler) }()
	}
	return s, nil
}

func roundRobin(backends []messages.Backend) http.Handler {
	var turn atomic.Uint64
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		b := backends[(turn.Add(1)-1)%uint64(len(backends))]
		r.SetURL(&url.URL{Scheme: "http", Host: b.Address()})
	}}
}

// session is a program under test that runs in this process.
type session struct {
	signals chan os.Signal
	stdout  *transcript
	stderr  bytes.Buffer
	code    chan int
}

// begin runs a command line with a balancer.
func begin(t *testing.T, b *standIn, args ...string) *session {
	t.Helper()
	s := &session{signals: make(chan os.Signal, 2), stdout: newTranscript(), code: make(chan int, 1)}
	p := program{stdout: s.stdout, stderr: &s.stderr, start: b.start, signals: s.signals}
	go func() { s.code <- p.run(args) }()
	return s
}

// end awaits the exit code.
func (s *session) end(t *testing.T) int {
	t.Helper()
	select {
	case code := <-s.code:
		return code
	case <-time.After(10 * time.Second):
		t.Fatalf("still running; stdout %q", s.stdout)
		return -1
	}
}

// transcript collects what is written, and lets a test wait for a text.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed *sync.Cond
}

func newTranscript() *transcript {
	s := &transcript{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await returns all that was written once the text is in it.
func (s *transcript) await(t *testing.T, text string) string {
	t.Helper()
	late := time.AfterFunc(10*time.Second, s.changed.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(10 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !strings.Contains(s.text.String(), text) {
		if !time.Now().Before(deadline) {
			t.Fatalf("no %q in %q", text, s.text.String())
		}
		s.changed.Wait()
	}
	return s.text.String()
}

// entry returns the log line with a message.
func (s *session) entry(t *testing.T, message string) map[string]any {
	t.Helper()
	for line := range strings.Lines(s.stdout.await(t, `"message":"`+message+`"`)) {
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if fields["message"] == message {
			return fields
		}
	}
	t.Fatalf("no line %q", message)
	return nil
}

// warned are the messages of the log's warnings.
func (s *session) warned(t *testing.T) (messages []string) {
	t.Helper()
	for line := range strings.Lines(s.stdout.String()) {
		var entry struct{ Level, Message string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if entry.Level == "warn" {
			messages = append(messages, entry.Message)
		}
	}
	return messages
}
