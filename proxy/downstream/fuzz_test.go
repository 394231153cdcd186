package downstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/h1"
	"lb/proxy/loop"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

const (
	// longest input of FuzzConn, in bytes: each may be a piece of its own, and each piece takes a round.
	longest = 2 << 10
	// patientRounds is within how many rounds of the loop a connection is over when its client has ended its side.
	patientRounds = longest
)

// FuzzConn holds that what a client's connection takes for requests, and answers, does not depend on how its bytes were
// cut; that each request gets one answer; and that nothing keeps the connection open when the client has gone.
func FuzzConn(f *testing.F) {
	for _, seed := range []string{
		get + get, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + get,
		"\r\n" + get + "GET / HTTP/1.1\r\nHost: x\r\n", "GET /\x00", "GET / HTTP/1.1\r\n\r\n" + get,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n" + get,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3;x\r\nabcd",
		"PUT / HTTP/1.0\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx" + get,
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + get,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
	} {
		f.Add([]byte(seed), []byte{0})
		f.Add([]byte(seed), []byte{17, 0, 40, 2})
	}
	f.Fuzz(func(t *testing.T, input, sizes []byte) {
		if len(input) > longest {
			return
		}
		// Without a line feed a wrong head is not looked at again before it is too long, or late.
		input = append(bytes.Clone(input), '\n')
		whole, cut := converse(t, input, nil, false), converse(t, input, sizes, true)
		if whole.said.String() != cut.said.String() || !bytes.Equal(whole.heard, cut.heard) {
			t.Fatalf("at once\n%s%q\nin pieces\n%s%q", &whole.said, whole.heard, &cut.said, cut.heard)
		}
		if answers := bytes.Count(whole.heard, []byte("HTTP/1.1 ")); answers != whole.answers {
			t.Fatalf("%d answers to\n%s%q", answers, &whole.said, whole.heard)
		}
	})
}

// conversation is a client that sends a piece in each round of a loop, and a server that answers each whole request, at
// once or in the next round.
type conversation struct {
	t       *testing.T
	loop    *loop.Loop
	socket  int // the client's
	input   []byte
	sizes   []byte
	pieces  int
	ended   bool // the client's side
	left    bool // the connection is over
	waited  int  // rounds since the end
	heard   []byte
	said    strings.Builder
	answers int
	later   bool
	due     *downstream.Conn // that is to be answered in this round
}

func converse(t *testing.T, input, sizes []byte, later bool) *conversation {
	t.Helper()
	c := &conversation{t: t, input: input, sizes: sizes, later: later}
	var err error
	if c.loop, err = loop.New(loop.Options{}); err != nil {
		t.Fatal(err)
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.socket = pair[0]
	if err := errors.Join(syscall.SetNonblock(pair[0], true), syscall.SetNonblock(pair[1], true)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(c.socket) }()
	config := messages.DefaultConfig()
	clients := downstream.Clients{Net: &transport.Network{Loop: c.loop}, Server: c, Config: &config}
	if err := clients.Adopt(pair[1], netip.MustParseAddrPort("192.0.2.1:1")); err != nil {
		t.Fatal(err)
	}
	c.loop.Again(c)
	if err := c.loop.Run(); err != nil {
		t.Fatal(err)
	}
	if !c.left || clients.Open() != 0 {
		t.Fatalf("still open after\n%s%q", &c.said, c.heard)
	}
	return c
}

// Ready implements loop.Handler.
func (c *conversation) Ready(loop.Events) {
	clear(c.loop.Scratch()) // nothing of an earlier turn is there any more
	if conn := c.due; conn != nil {
		c.due = nil
		c.answer(conn, 200)
	}
	c.hear()
	switch {
	case c.left, c.waited == patientRounds:
		c.loop.Stop()
		return
	case len(c.input) > 0:
		c.send()
	case !c.ended:
		c.ended = true
		_ = syscall.Shutdown(c.socket, syscall.SHUT_WR)
	default:
		c.waited++
	}
	c.loop.Again(c)
}

func (c *conversation) send() {
	n := len(c.input)
	if len(c.sizes) > 0 {
		n = min(n, int(c.sizes[c.pieces%len(c.sizes)])+1)
	}
	c.pieces++
	_, _ = syscall.Write(c.socket, c.input[:n]) // fails when the connection is over: what is left is not to be read
	c.input = c.input[n:]
}

func (c *conversation) hear() {
	var b [4096]byte
	for {
		n, err := syscall.Read(c.socket, b[:])
		if n <= 0 || err != nil {
			return
		}
		c.heard = append(c.heard, b[:n]...)
	}
}

func (c *conversation) say(format string, a ...any) { fmt.Fprintf(&c.said, format+"\n", a...) }

func (c *conversation) answer(conn *downstream.Conn, status int) {
	c.answers++
	answer(conn, status)
}

// Serve implements downstream.Server.
func (c *conversation) Serve(conn *downstream.Conn, r *semantics.Request, head []byte) {
	c.say("%s %s, length %d, head %q", r.Method, r.Path, r.Length, head)
	conn.Begin(&talk{c: c, conn: conn})
}

// Refuse implements downstream.Server.
func (c *conversation) Refuse(conn *downstream.Conn, err *h1.Error) {
	c.say("refused: %d %s", err.Status, err.Detail)
	c.answer(conn, err.Status)
}

// Late implements downstream.Server.
func (c *conversation) Late(*downstream.Conn) { c.t.Error("late") }

// Left implements downstream.Server.
func (c *conversation) Left(*downstream.Conn) { c.left = true }

// talk is an exchange of a conversation.
type talk struct {
	c    *conversation
	conn *downstream.Conn
	body []byte
}

func (x *talk) Data(b []byte) { x.body = append(x.body, b...) }

func (x *talk) End(trailers []semantics.Field) {
	x.c.say("body %q, %d trailers", x.body, len(trailers))
	if x.c.later {
		x.c.due = x.conn
		return
	}
	x.c.answer(x.conn, 200)
}

func (x *talk) Malformed(err *h1.Error) {
	x.c.say("body %q, then %d %s", x.body, err.Status, err.Detail)
	x.c.answer(x.conn, err.Status)
}

func (x *talk) Aborted(r messages.Reason) { x.c.say("body %q, then %v", x.body, r) }
func (x *talk) Writable()                 {}
func (x *talk) Pushed()                   {}
func (x *talk) Crashed()                  {}
