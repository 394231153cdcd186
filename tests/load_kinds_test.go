package tests

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The kinds of requests of a load, and the backends that know how to answer them.

// mixture is the usual one.
var mixture = []kind{
	{50, (*load).keptAlive},
	{30, (*load).newConnection},
	{12, (*load).post},
	{4, (*load).slowDownload},
	{4, (*load).webSocket},
}

// wrongAnswer is one that came whole and is not what was asked for.
type wrongAnswer struct{ what string }

func (w *wrongAnswer) Error() string { return w.what }

// exchange sends a request and checks the answer; keep says whether the connection may be used again.
func (c *lane) exchange(request string, check func(body []byte) bool) (keep bool, err error) {
	reused := c.used > 0
	c.used++
	if _, err := io.WriteString(c, request); err != nil {
		return false, crossed(err, reused)
	}
	if _, err := c.reader.Peek(1); err != nil {
		return false, crossed(err, reused)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return false, err
	}
	if response.StatusCode != 200 || !check(body) {
		return false, &wrongAnswer{fmt.Sprintf("%s with %d bytes: %.100q", response.Status, len(body), body)}
	}
	return !response.Close, nil
}

// crossed tells the end of a connection that had served before from other failures.
func crossed(err error, reused bool) error {
	if reused && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %w", errClosedFirst, err)
	}
	return err
}

func isOK(body []byte) bool { return string(body) == "ok" }

func (l *load) keptAlive(*rand.Rand) error {
	c, err := l.take()
	if err != nil {
		return err
	}
	keep, err := c.exchange("GET / HTTP/1.1\r\nHost: test\r\n\r\n", isOK)
	if err == nil && keep {
		l.put(c)
		return nil
	}
	c.Close()
	return err
}

func (l *load) newConnection(*rand.Rand) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.exchange("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", isOK)
	return err
}

// post sends a body of up to 64 KiB, whose hash comes back.
func (l *load) post(r *rand.Rand) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	body := make([]byte, 1+r.IntN(64<<10))
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	sum := sha256.Sum256(body)
	request := "POST /hash HTTP/1.1\r\nHost: test\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + string(body)
	_, err = c.exchange(request, func(got []byte) bool { return string(got) == hex.EncodeToString(sum[:]) })
	return err
}

// slowPieces are what a slow download consists of, with a pause after each.
const (
	slowPieces = 20
	slowPause  = 25 * time.Millisecond
)

var slowBody = bytes.Repeat([]byte("0123456789abcdef"), slowPieces*64)

func (l *load) slowDownload(*rand.Rand) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	isWhole := func(body []byte) bool { return bytes.Equal(body, slowBody) }
	_, err = c.exchange("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n", isWhole)
	return err
}

// webSocket is a tunnel in which a few messages come back as they are.
func (l *load) webSocket(r *rand.Rand) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	const request = "GET /tunnel HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return &wrongAnswer{response.Status}
	}
	for range 5 {
		text := fmt.Sprintf("message %d\n", r.Uint64())
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
		echo, err := c.reader.ReadString('\n')
		if err != nil {
			return err
		}
		if echo != text {
			return &wrongAnswer{fmt.Sprintf("echo %q of %q", echo, text)}
		}
		time.Sleep(slowPause)
	}
	return nil
}

// loadBackend is a server of what a load asks for.
type loadBackend struct {
	*http.Server
	open atomic.Int64 // connections that speak HTTP
}

func startLoadBackend(t *testing.T) *loadBackend {
	t.Helper()
	s := newLoadBackend(t)
	s.runs(t, s.Serve)
	return s
}

// newLoadBackend listens nowhere yet.
func newLoadBackend(t *testing.T) *loadBackend {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("/hash", func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		if _, err := io.Copy(hash, r.Body); err == nil {
			io.WriteString(w, hex.EncodeToString(hash.Sum(nil)))
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) { sendSlowly(w) })
	mux.HandleFunc("/tunnel", echoTunnel)
	server := &loadBackend{Server: &http.Server{Handler: mux}}
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			server.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			server.open.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	return server
}

// runs listens, and serves until the test ends.
func (s *loadBackend) runs(t *testing.T, serve func(net.Listener) error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = listener.Addr().String()
	var running sync.WaitGroup
	running.Go(func() { serve(listener) })
	t.Cleanup(func() {
		s.Close()
		running.Wait()
	})
}

func sendSlowly(w http.ResponseWriter) {
	for piece := range slices.Chunk(slowBody, len(slowBody)/slowPieces) {
		if _, err := w.Write(piece); err != nil {
			return
		}
		http.NewResponseController(w).Flush()
		time.Sleep(slowPause)
	}
}

func echoTunnel(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	for {
		line, err := buffered.ReadString('\n')
		if err != nil {
			return
		}
		io.WriteString(conn, line)
	}
}

// loadBackends are the addresses of so many backends of a load.
func loadBackends(t *testing.T, n int) (addrs []string) {
	t.Helper()
	for range n {
		addrs = append(addrs, startLoadBackend(t).Addr)
	}
	return addrs
}

// secureLoadBackends are backends of a load that speak TLS, over HTTP/2 too if they are to, and the flags for lb.
func secureLoadBackends(t *testing.T, n int, http2 bool) (addrs, args []string) {
	t.Helper()
	a := newAuthority(t)
	for range n {
		s := newLoadBackend(t)
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}}
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true) // tunnels need it
		s.Protocols.SetHTTP2(http2)
		s.runs(t, func(l net.Listener) error { return s.ServeTLS(l, "", "") })
		addrs = append(addrs, "https://"+s.Addr)
	}
	return addrs, []string{"--ca-file", a.file}
}
