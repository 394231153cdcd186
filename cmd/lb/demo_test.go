package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestDemo(t *testing.T) {
	b := newStandIn()
	s := begin(t, b, "demo", "-p0")
	const asked = "Requests, as they arrive at the backends (Ctrl-C ends):\n"
	s.stdout.await(t, "blue    GET /first/3\n")
	url := regexp.MustCompile(`curl (http://127\.0\.0\.1:\d+)/\n`).FindStringSubmatch(s.stdout.String())
	if url == nil {
		t.Fatalf("nothing to try in %q", s.stdout)
	}
	response, err := http.Post(url[1]+"/echo", "text/plain", strings.NewReader("a body"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || string(answer) != "red answers POST /echo\na body" {
		t.Errorf("answer %q, %v", answer, err)
	}
	s.signals <- syscall.SIGINT
	if code := s.end(t); code != exitOK || s.stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", code, &s.stderr)
	}
	_, shown, _ := strings.Cut(s.stdout.String(), asked)
	want := "  -> red     GET /first/1\n  -> green   GET /first/2\n  -> blue    GET /first/3\n" +
		"  -> red     POST /echo\n\nRequests by backend: red 2, green 1, blue 1\n"
	if shown != want {
		t.Errorf("shown\n%s\nwant\n%s", shown, want)
	}
	if strings.Contains(s.stdout.String(), "\x1b") {
		t.Error("colours, although nobody looks")
	}
}

func TestDemoEndsByItself(t *testing.T) {
	s := begin(t, newStandIn(), "demo", "--for", "1ms", "-p0")
	if code := s.end(t); code != exitOK || !strings.Contains(s.stdout.String(), "red 1, green 1, blue 1") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, s.stdout, &s.stderr)
	}
}

func TestDemoTakesTheNextFreePort(t *testing.T) {
	first, err := openOneOf([]uint16{0})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	taken := first.Addr().Port()
	second, err := openOneOf([]uint16{taken, taken, 0})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.Addr().Port() == taken {
		t.Errorf("port %d twice", taken)
	}
	if _, err := openOneOf([]uint16{taken}); err == nil || !strings.HasSuffix(err.Error(), "address already in use") {
		t.Errorf("no port is free: %v", err)
	}
}

func TestDemoShowsNoControlBytes(t *testing.T) {
	for in, want := range map[string]string{
		"/a?b=c":                       "/a?b=c",
		"/\x1b[31m\"é":                 `/\x1b[31m\"\u00e9`,
		"/" + strings.Repeat("a", 100): "/" + strings.Repeat("a", 79) + "...",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	if isTerminal(null) || isTerminal(writer) {
		t.Error("neither the null device nor a pipe is a terminal")
	}
	t.Setenv("NO_COLOR", "1")
	if (&program{terminal: true}).colours() {
		t.Error("NO_COLOR is set")
	}
	t.Setenv("NO_COLOR", "")
	if !(&program{terminal: true}).colours() || (&program{}).colours() {
		t.Error("colours belong on a terminal, and nowhere else")
	}
}
