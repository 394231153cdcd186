package upstream

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lb/messages"
	"lb/proxy/loop"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

const (
	// longest input of the fuzz targets, in bytes: each may be a piece of its own, and each piece takes a round.
	longest = 2 << 10
	// patientRounds of a loop are more than anything takes.
	patientRounds = 2 * longest
)

// FuzzExchange holds that what an exchange hears of an HTTP/1.1 backend does not depend on how the backend's bytes were
// cut, and has one end, which comes when the backend has gone at the latest.
func FuzzExchange(f *testing.F) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, seed := range []string{
		ok, "HTTP/1.1 100 Continue\r\n\r\n" + ok + "HTTP/1.1 200", "HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd", "HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "HTTP/1.0 200 OK\r\n\r\nabc", "SSH-2.0\r\n",
	} {
		f.Add([]byte(seed), []byte{0}, false)
		f.Add([]byte(seed), []byte{17, 0, 40, 2}, true)
	}
	f.Fuzz(func(t *testing.T, input, sizes []byte, toHead bool) {
		if len(input) > longest {
			return
		}
		// Without a line feed a wrong head is not looked at again before it is too long, or late.
		input = append(append([]byte(nil), input...), '\n')
		requests := []semantics.Request{{Method: []byte("GET")}}
		if toHead {
			requests[0].Method = []byte("HEAD")
		}
		compare(t, messages.HTTP, requests, nil, input, sizes)
	})
}

// FuzzSession is FuzzExchange for a backend of HTTP/2 and three exchanges that share its connection.
func FuzzSession(f *testing.F) {
	const status200 = "\x88" // in HPACK
	head := "\x00\x00\x01\x01\x04\x00\x00\x00\x01" + status200
	data := "\x00\x00\x02\x00\x01\x00\x00\x00\x01ok"
	goAway := "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"
	for _, seed := range []string{
		head + data + "\x00\x00\x01\x01\x05\x00\x00\x00\x03" + status200, "HTTP/1.1 400 x\r\n\r\n",
		head + data + "\x00\x00\x04\x03\x00\x00\x00\x00\x03\x00\x00\x00\x07",
		goAway + head + "\x00\x00\x04\x08\x00\x00\x00\x00\x03\x00\x00\x00\x00",
		"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00" + head,
	} {
		f.Add([]byte(seed), []byte{0})
		f.Add([]byte(seed), []byte{8, 0, 40, 2})
	}
	f.Fuzz(func(t *testing.T, input, sizes []byte) {
		if len(input) > longest {
			return
		}
		requests := []semantics.Request{
			{Method: []byte("GET")}, {Method: []byte("POST"), Length: 5}, {Method: []byte("HEAD")},
		}
		settings := []byte{0, 0, 0, 4, 0, 0, 0, 0, 0}
		compare(t, messages.H2C, requests, settings, input, sizes)
	})
}

func compare(t *testing.T, scheme messages.Scheme, requests []semantics.Request, greeting, input, sizes []byte) {
	t.Helper()
	whole := attend(t, scheme, requests, greeting, input, nil)
	if cut := attend(t, scheme, requests, greeting, input, sizes); whole != cut {
		t.Fatalf("at once\n%s\nin pieces\n%s", whole, cut)
	}
}

// play is a backend that sends a piece in each round of a loop, and exchanges that note what they hear.
type play struct {
	t       *testing.T
	loop    *loop.Loop
	backend *Backend
	socket  int // the backend's
	input   []byte
	sizes   []byte
	pieces  int
	rounds  int
	asked   bool // all requests are written
	ended   bool // the backend's side
	parts   []*part
}

// attend tells what each exchange heard.
func attend(t *testing.T, scheme messages.Scheme, requests []semantics.Request, greeting, input, sizes []byte) string {
	t.Helper()
	p := &play{t: t, input: input, sizes: sizes}
	for i := range requests {
		x := &part{request: requests[i]}
		x.request.Fields = []semantics.Field{{Name: []byte("Host"), Value: []byte("b"), Kind: semantics.Host}}
		p.parts = append(p.parts, x)
	}
	var err error
	if p.loop, err = loop.New(loop.Options{}); err != nil {
		t.Fatal(err)
	}
	config := messages.DefaultConfig()
	pool := &Pool{Net: &transport.Network{Loop: p.loop}, Config: &config}
	p.backend = pool.Backend(messages.Member{Backend: messages.Backend{Scheme: scheme, Host: "b", Port: 80, Weight: 1}})
	p.connect(greeting)
	p.loop.Again(p)
	if err := p.loop.Run(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for i, x := range p.parts {
		fmt.Fprintf(&said, "%d: %s data %q\n", i, x.said, x.body)
		if x.ends != 1 {
			t.Errorf("exchange %d has %d ends: %s", i, x.ends, x.said)
		}
	}
	if now := p.backend.Stats(); now.Open != 0 || now.Idle != 0 {
		t.Errorf("%d connections are open, %d idle, after\n%s", now.Open, now.Idle, &said)
	}
	return said.String()
}

// connect gives the exchanges a connection, as if one had been dialled.
func (p *play) connect(greeting []byte) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = errors.Join(syscall.SetNonblock(pair[0], true), syscall.SetNonblock(pair[1], true))
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.socket = pair[0]
	_, _ = syscall.Write(p.socket, greeting) // of a few bytes, to a socket that is empty
	b := p.backend
	b.stats.Open++
	adopt := func(u transport.User) *transport.Conn {
		tcp, err := b.pool.Net.Adopt(pair[1], u)
		if err != nil {
			p.t.Fatal(err)
		}
		return tcp
	}
	if b.scheme == messages.HTTP {
		c := &Conn{line: newLine(b), exchange: p.parts[0], phase: connecting}
		c.tcp = adopt(c)
		c.Connected()
		return
	}
	s := &session{line: newLine(b)}
	b.sessions = append(b.sessions, s)
	for _, x := range p.parts {
		x.attempt = b.Acquire(x, Want{})
	}
	s.tcp = adopt(s)
	s.Connected()
}

// Ready implements loop.Handler.
func (p *play) Ready(loop.Events) {
	p.rounds++
	switch {
	case p.over() && p.backend.Stats().Open == 0, p.rounds == patientRounds:
		_ = syscall.Close(p.socket)
		p.loop.Stop()
		return
	case !p.asked: // requests leave at the end of the round that they are written in; no answer may come before
		p.asked = p.all(func(x *part) bool { return x.asked })
	case len(p.input) > 0:
		p.send()
	case !p.ended:
		p.ended = true
		_ = syscall.Shutdown(p.socket, syscall.SHUT_WR)
	}
	p.loop.Again(p)
}

// over reports whether nothing is to come any more.
func (p *play) over() bool { return p.ended && p.all(func(x *part) bool { return x.ends > 0 }) }

func (p *play) all(condition func(*part) bool) bool {
	return !slices.ContainsFunc(p.parts, func(x *part) bool { return !condition(x) })
}

func (p *play) send() {
	n := len(p.input)
	if len(p.sizes) > 0 {
		n = min(n, int(p.sizes[p.pieces%len(p.sizes)])+1)
	}
	p.pieces++
	_, _ = syscall.Write(p.socket, p.input[:n]) // fails when the connection is over: what is left is not to be read
	p.input = p.input[n:]
}

// part is an exchange of a play.
type part struct {
	request semantics.Request
	attempt Attempt
	said    string
	body    []byte
	asked   bool
	ends    int
}

func (x *part) note(format string, a ...any) { x.said += fmt.Sprintf(format, a...) + ", " }

func (x *part) Connected(a Attempt) {
	x.attempt, x.asked = a, true
	a.Request(&x.request, []byte("/"))
	if n := x.request.Length; n > 0 {
		a.Data(make([]byte, n))
	}
	a.EndRequest(nil)
	a.Flush()
}

func (x *part) Response(r *semantics.Response) {
	x.note("%d %d %s", r.Status, r.Length, r.Reason)
	for i := range r.Fields {
		x.note("%s=%s", r.Fields[i].Name, r.Fields[i].Value)
	}
	if c, is := x.attempt.(*Conn); is && r.Status == 101 {
		c.Tunnel()
	}
}

func (x *part) End(trailers []semantics.Field) {
	x.ends++
	x.note("end with %d trailers", len(trailers))
	if c, is := x.attempt.(*Conn); is && strings.HasPrefix(x.said, "101 ") {
		c.Finish()
	}
}

func (x *part) Failed(f Failure) {
	x.ends++
	x.note("failed: %v %s, sent %v, answered %v", f.Reason, f.Detail, f.Sent, f.Answered)
}

func (x *part) Data(b []byte) { x.body = append(x.body, b...) }
func (x *part) Pushed()       {}
func (x *part) Writable()     {}
func (x *part) Crashed()      { x.note("crashed") }
