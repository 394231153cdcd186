package tests

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The wire cases are transcripts in testdata/wire: wire_file_test.go tells their form. The verdict of each was written
// from the RFC; what exactly is forwarded and answered is rewritten by `go test ./tests -run Wire -update`, and
// reviewed as a diff.
func TestWire(t *testing.T) {
	paths, err := filepath.Glob("testdata/wire/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			file, err := readWireFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file.run(t)
			if *update {
				if err := os.WriteFile(path, []byte(file.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// wireBed is a balancer and the one backend behind it, for all cases of a file.
type wireBed struct {
	*balancer
	back *backend
	now  atomic.Pointer[wireCase] // whose requests are coming
}

func (f *wireFile) run(t *testing.T) {
	bed := new(wireBed)
	bed.now.Store(new(wireCase))
	bed.back = startBackend(t, serve(bed.answer))
	bed.balancer = start(t, settings{backends: []string{bed.back.addr}, args: f.args})
	if *peer != "" && f.args != nil {
		t.Skip("needs flags of lb")
	}
	for _, c := range f.cases {
		t.Run(c.name, func(t *testing.T) {
			bed.judge(t, c, 0)
			if *peer == "" && !c.whole {
				t.Run("one byte at a time", func(t *testing.T) { bed.judge(t, c, 1) })
			}
		})
	}
}

// answer is the backend's part: probes and ordinary cases get a standard response, others what their case says.
func (b *wireBed) answer(v *visit, m *message) bool {
	c := b.now.Load()
	switch {
	case m.target() == fenceTarget:
		v.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		return false
	case c.response == "", m.target() == probeTarget:
		return ok(v, m)
	}
	v.send(c.response)
	return !c.backendEnds
}

// judge sends the request of the case in pieces of so many bytes, at once when that is 0, and compares what came of it.
func (b *wireBed) judge(t *testing.T, c *wireCase, piece int) {
	before := b.turn(c)
	got := b.exchange(t, c, piece)
	b.fence(t)
	got.sees, got.forwarded = b.seen(before)
	if *peer != "" {
		if !got.satisfies(c.verdict) {
			t.Logf("%s: %s; lb must: %s", *peer, got.verdict(), c.verdict)
		}
		return
	}
	if !got.satisfies(c.verdict) {
		t.Errorf("%s\ngot verdict %s; want %s\nanswers:\n%s\nforwarded:\n%s",
			c.why, got.verdict(), c.verdict, got.answers, got.forwarded)
		return
	}
	if !c.endAnnounced(got) {
		t.Errorf("%s\nthe answer must say whether the connection ends (RFC 9112 §9.6):\n%s", c.why, got.answers)
	}
	c.compare(t, got)
}

// endAnnounced reports whether the last answer says what becomes of the connection, to a client that does not know.
func (c *wireCase) endAnnounced(got *outcome) bool {
	if got.answers == "" || c.halfClose || strings.Contains(c.request, "HTTP/1.0") {
		return true
	}
	return promised("answers", "Connection: close", got) == (got.end == "close")
}

// turn makes c the case whose requests come now, and tells where the backend's visits stand.
func (b *wireBed) turn(c *wireCase) (before map[*visit]int) {
	b.now.Store(c)
	b.back.mu.Lock()
	defer b.back.mu.Unlock()
	before = map[*visit]int{}
	for _, v := range b.back.visits {
		before[v] = len(v.messages)
	}
	return before
}

// Targets of the requests that find out what became of a case, and are no part of it.
const (
	probeTarget = "/probe"
	fenceTarget = "/fence"
)

// fence waits until the balancer, a single worker, has done everything that it was asked before. The backend ends the
// connection of each fence: so a fence behind a request that was cut comes on a new one, and was accepted after it.
func (b *wireBed) fence(t *testing.T) {
	t.Helper()
	if m := b.get(t, fenceTarget); m.status() != 200 {
		t.Fatalf("the balancer serves no more: %v", m)
	}
}

// outcome is what came of a case.
type outcome struct {
	statuses  []string
	end       string // keep, close or cut
	sees      string // number of whole requests that the backend saw, or cut
	answers   string
	forwarded string
}

func (o *outcome) verdict() string {
	return strings.Join(append(o.statuses, o.end), " ") + ", backend sees " + o.sees
}

// satisfies compares with the verdicts of a case. Of a request that must not become whole, the backend may see nothing
// at all.
func (o *outcome) satisfies(verdicts string) bool {
	got := o.verdict()
	for _, want := range strings.Split(verdicts, " | ") {
		if got == want || got+" cut" == want || strings.HasSuffix(got, " 0") && strings.TrimSuffix(got, "0")+"cut" == want {
			return true
		}
	}
	return false
}

// exchange sends the case's request and reads its answers and the end of the connection.
func (b *wireBed) exchange(t *testing.T, c *wireCase, piece int) *outcome {
	t.Helper()
	conn := b.dial(t)
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		sendInPieces(conn, c, piece)
	}()
	got := new(outcome)
	for i := range c.answers() {
		m, err := readMessage(conn.reader, c.methodOf(i))
		if m == nil {
			break
		}
		got.statuses = append(got.statuses, strconv.Itoa(m.status()))
		if err != nil {
			m.body, m.framing = nil, "cut" // how much of the body came is a matter of time
			got.answers += m.transcript("<<")
			got.end = "cut"
			return got
		}
		got.answers += m.transcript("<<")
	}
	<-sent
	got.end = conn.wayOut(c)
	return got
}

// sendInPieces writes the request. Errors do not matter: a balancer may refuse a request before it has read it all.
func sendInPieces(conn *client, c *wireCase, piece int) {
	if piece == 0 {
		piece = len(c.request)
	}
	for rest := c.request; rest != ""; {
		n := min(piece, len(rest))
		if _, err := io.WriteString(conn.TCPConn, rest[:n]); err != nil {
			return
		}
		rest = rest[n:]
	}
	if c.halfClose {
		conn.CloseWrite()
	}
}

// wayOut tells whether the connection is still good for a request. Where it must not be, its end is awaited.
func (c *client) wayOut(w *wireCase) string {
	if w.keeps() {
		io.WriteString(c.TCPConn, head("GET", probeTarget))
		m, err := readMessage(c.reader, "GET")
		switch {
		case err == nil && m.status() == 200 && string(m.body) == "ok":
			return "keep"
		case m != nil:
			return fmt.Sprintf("then %v", m)
		}
		return "close"
	}
	c.SetReadDeadline(time.Now().Add(patience / 4))
	m, err := readMessage(c.reader, "GET")
	switch {
	case m != nil:
		return fmt.Sprintf("then %v", m)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "keep"
	}
	return "close"
}

// seen tells what the backend saw of the case since then.
func (b *wireBed) seen(before map[*visit]int) (sees, transcript string) {
	eventually(b.back.settled, nil)
	b.back.mu.Lock()
	defer b.back.mu.Unlock()
	whole, broken := 0, ""
	for _, v := range b.back.visits {
		for _, m := range v.messages[before[v]:] {
			if m.target() != probeTarget && m.target() != fenceTarget {
				whole++
				transcript += m.transcript(">>")
			}
		}
		if v.partial != nil {
			broken = "cut"
			if errors.Is(v.failure, errNotCanonical) {
				broken = v.failure.Error()
			}
			v.partial = nil
		}
	}
	transcript = strings.ReplaceAll(transcript, b.back.addr, "(backend)")
	if whole == 0 && broken != "" {
		return broken, transcript
	}
	return strings.TrimSpace(strconv.Itoa(whole) + " " + broken), transcript
}

// transcript writes the message as lines with the prefix. Chunks are joined: where they are cut is no part of the
// message (RFC 9112 §7.1).
func (m *message) transcript(prefix string) string {
	var lines []string
	lines = append(lines, m.start)
	for _, f := range m.fields {
		lines = append(lines, timeless(f))
	}
	lines = append(lines, "")
	if len(m.body) > 0 || m.framing == "chunked" {
		lines = append(lines, fmt.Sprintf("(%s, %d bytes)%s", m.framing, len(m.body), excerpt(m.body)))
	}
	for _, f := range m.trailers {
		lines = append(lines, "(trailer) "+f)
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimRight(prefix+" "+shorten(quote(l)), " ") + "\n")
	}
	return b.String()
}

// shorten writes runs of one byte, as the cases of the limits have them, as a case would.
func shorten(line string) string {
	var b strings.Builder
	for line != "" {
		n := len(line) - len(strings.TrimLeft(line, line[:1]))
		if n > 60 {
			fmt.Fprintf(&b, `\(%s*%d)`, line[:1], n)
		} else {
			b.WriteString(line[:n])
		}
		line = line[n:]
	}
	return b.String()
}

func excerpt(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	if len(body) > 100 {
		return " " + string(body[:100]) + "..."
	}
	return " " + string(body)
}

// timeless hides a date of this year's clock: the cases' own dates are of the first of January 2026, midnight.
func timeless(field string) string {
	if strings.HasPrefix(field, "Date: ") && !strings.HasSuffix(field, "01 Jan 2026 00:00:00 GMT") {
		return "Date: (now)"
	}
	return field
}
