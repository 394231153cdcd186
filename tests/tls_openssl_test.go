package tests

import (
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// manual is a server of openssl that does by hand what servers do by themselves only now and then.
type manual struct {
	t     *testing.T
	addr  string
	hands io.Writer
	out   record
}

func startOpenSSL(t *testing.T, a *authority, flags ...string) *manual {
	t.Helper()
	port := freePort(t)
	cert, key := a.files(a.leaf(nil))
	args := []string{"s_server", "-accept", "127.0.0.1:" + strconv.Itoa(port), "-cert", cert, "-key", key, "-crlf"}
	cmd := exec.Command(need(t, "openssl"), append(args, flags...)...)
	m := &manual{t: t, addr: "127.0.0.1:" + strconv.Itoa(port)}
	hands, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.hands = hands
	cmd.Stdout, cmd.Stderr = &m.out, &m.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	m.await("ACCEPT", 1)
	return m
}

// await waits until the server has printed the text so many times.
func (m *manual) await(text string, times int) {
	m.t.Helper()
	if !eventually(func() bool { return strings.Count(m.out.String(), text) >= times }, nil) {
		m.t.Fatalf("no %q from openssl: %s", text, m.out.String())
	}
}

// do gives the server a command, or text to send.
func (m *manual) do(text string) {
	m.t.Helper()
	if _, err := io.WriteString(m.hands, text); err != nil {
		m.t.Fatal(err)
	}
}

// New keys in the middle of an exchange, in both directions, are used from then on (RFC 8446 §4.6.3).
func TestKeysAreUpdated(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	server := startOpenSSL(t, a, "-tls1_3")
	b := start(t, settings{backends: []string{"https://" + server.addr}, args: a.trusting()})
	for i, path := range []string{"/first", "/second"} {
		c := b.dial(t)
		c.send(head("GET", path))
		server.await("GET "+path, 1)
		server.do("K\n")
		server.await("SSL_do_handshake -> 1", i+1)
		server.do("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		c.response("GET").expect(t, 200, "ok")
	}
	if n := strings.Count(server.out.String(), "BEGIN SSL SESSION PARAMETERS"); n != 1 {
		t.Errorf("%d connections, want 1: the second request goes by the new keys", n)
	}
}

// A server that wants to negotiate anew is refused: what it would change then, nobody has agreed to.
func TestRenegotiationIsRefused(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	server := startOpenSSL(t, a, "-tls1_2")
	b := start(t, settings{backends: []string{"https://" + server.addr}, args: a.trusting()})
	c := b.dial(t)
	c.send(head("POST", "/", "Content-Length: 4") + "body")
	server.await("POST /", 1)
	server.do("R\n")
	m := c.response("POST")
	expectReason(t, m, []string{"tls_protocol_error"})
	if m.status() != 502 {
		t.Errorf("got %v", m)
	}
}
