package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
)

// stage is where the demo shows what happens: text for a person, with colours on a terminal.
type stage struct {
	out     io.Writer
	colours bool
	mu      sync.Mutex // backends speak at the same time
}

// Colours of the terminal (ECMA-48 §8.3.117).
const (
	plainText  = 0
	boldText   = 1
	redText    = 31
	greenText  = 32
	yellowText = 33
	blueText   = 34
)

func (s *stage) paint(colour int, text string) string {
	if !s.colours {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[%dm", colour, text, plainText)
}

func (s *stage) say(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The demo has nothing to do when nobody can read it any more.
	_, _ = io.WriteString(s.out, strings.Join(lines, "\n")+"\n")
}

func (s *stage) introduce(at netip.AddrPort, backends *demoBackends) {
	lines := []string{s.paint(boldText, "lb demo: "+demoURL(at)+" balances over three backends"), ""}
	for _, b := range backends.all {
		lines = append(lines, fmt.Sprintf("  %s  %s", s.paint(b.colour, fmt.Sprintf("%-6s", b.name)), b.address))
	}
	lines = append(lines, "", "Try, in another terminal:",
		"  curl "+demoURL(at)+"/",
		"  for i in 1 2 3 4 5 6; do curl -s "+demoURL(at)+"/page/$i; done",
		"  curl -d 'a body' "+demoURL(at)+"/echo",
		"", "The same on backends of your own:",
		"  "+commandName()+" -b 127.0.0.1:9001 -b 127.0.0.1:9002 -p 8080",
		"", "Requests, as they arrive at the backends (Ctrl-C ends):")
	s.say(lines...)
}

// show tells of one request.
func (s *stage) show(b *demoBackend, method, path string) {
	s.say(fmt.Sprintf("  %s  %s %s", s.paint(b.colour, fmt.Sprintf("-> %-6s", b.name)), method, path))
}

func (s *stage) conclude(backends *demoBackends) {
	counts := make([]string, 0, len(backends.all))
	for _, b := range backends.all {
		counts = append(counts, fmt.Sprintf("%s %d", b.name, b.requests.Load()))
	}
	s.say("", "Requests by backend: "+strings.Join(counts, ", "))
}
