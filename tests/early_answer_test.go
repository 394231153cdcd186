package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Many clients send a small body in a packet of its own, and some backends answer before it. The connection goes on.
func TestConnectionOutlivesAnAnswerBeforeTheBody(t *testing.T) {
	lbOnly(t)
	b := start(t, settings{backends: []string{hastyBackend(t)}})
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := range 3 {
		fmt.Fprintf(conn, "POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", i)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 || string(body) != "early" || response.Close {
			t.Fatalf("request %d: %d %q, close %v, %v", i, response.StatusCode, body, response.Close, err)
		}
		io.WriteString(conn, "0123456789")
	}
}

// hastyBackend answers each connection's first head at once, and never reads a body.
func hastyBackend(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					if strings.TrimSpace(line) == "" {
						break
					}
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
				io.Copy(io.Discard, c)
			}()
		}
	}()
	return l.Addr().String()
}
