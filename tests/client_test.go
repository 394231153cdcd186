package tests

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// client is one raw connection to the balancer.
type client struct {
	*net.TCPConn
	t      *testing.T
	reader *bufio.Reader
}

// dial connects to the balancer. Every wait on the connection is bounded.
func (b *balancer) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{TCPConn: conn.(*net.TCPConn), t: t, reader: bufio.NewReader(conn)}
}

// send writes text in one piece.
func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.TCPConn, text); err != nil {
		c.t.Fatal(err)
	}
}

// response reads the response, perhaps an interim one, to a request with the method.
func (c *client) response(method string) *message {
	c.t.Helper()
	m, err := readMessage(c.reader, method)
	if err != nil {
		c.t.Fatalf("response to %s: %v, after %v", method, err, m)
	}
	return m
}

// roundTrip sends a request without a body and returns its response.
func (c *client) roundTrip(method, target string, fields ...string) *message {
	c.t.Helper()
	c.send(head(method, target, fields...))
	return c.response(method)
}

// head writes a request head of HTTP/1.1 for the host "test".
func head(method, target string, fields ...string) string {
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: test"}, fields...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// ended waits for the end of the connection, by FIN or RST, and reports whether it came with no byte before it.
func (c *client) ended() bool {
	_, err := c.reader.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// get fetches a target on a connection of its own.
func (b *balancer) get(t *testing.T, target string, fields ...string) *message {
	t.Helper()
	c := b.dial(t)
	defer c.Close()
	return c.roundTrip("GET", target, fields...)
}

// expect fails the test unless the response has the status and the body.
func (m *message) expect(t *testing.T, status int, body string) {
	t.Helper()
	if m.status() != status || string(m.body) != body {
		t.Errorf("got %q with the body %.200q, want %d with %.200q", m.start, m.body, status, body)
	}
}
