package tests

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// backend is a TCP server that follows a script on each connection and remembers what came: every byte, every message,
// and how often each request, told by its X-Id field, was received whole.
type backend struct {
	addr    string
	script  func(*visit)
	noticed chan struct{} // holds a token when a watching client got a byte

	mu     sync.Mutex
	visits []*visit
	whole  map[string]int
}

// visit is one connection to a backend.
type visit struct {
	*net.TCPConn
	backend *backend
	reader  *bufio.Reader

	// Under backend.mu.
	raw      bytes.Buffer
	parsed   int // bytes of raw that messages are made of
	messages []*message
	partial  *message // a message that was cut short
	failure  error    // of the last read
}

// startBackend listens on a port of its own until the test ends.
func startBackend(t *testing.T, script func(*visit)) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{addr: l.Addr().String(), script: script, noticed: make(chan struct{}, 1), whole: map[string]int{}}
	var running sync.WaitGroup
	running.Go(func() { b.accept(l, &running) })
	t.Cleanup(func() {
		l.Close()
		b.closeAll()
		running.Wait()
	})
	b.addr = served(t, b.addr)
	return b
}

func (b *backend) accept(l net.Listener, running *sync.WaitGroup) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		v := &visit{TCPConn: conn.(*net.TCPConn), backend: b}
		v.reader = bufio.NewReader(io.TeeReader(conn, v))
		b.mu.Lock()
		b.visits = append(b.visits, v)
		b.mu.Unlock()
		running.Go(func() {
			defer v.Close()
			b.script(v)
		})
	}
}

func (b *backend) closeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range b.visits {
		v.Close()
	}
}

// Write remembers bytes on their way to the reader. It hides the connection's own Write: to answer, call send.
func (v *visit) Write(p []byte) (int, error) {
	v.backend.mu.Lock()
	defer v.backend.mu.Unlock()
	return v.raw.Write(p)
}

// send writes to the proxy. Errors do not matter here: what the proxy misses shows in the test.
func (v *visit) send(s string) { io.WriteString(v.TCPConn, s) }

// reset ends the connection with RST.
func (v *visit) reset() {
	v.SetLinger(0)
	v.Close()
}

// hold stays silent until the proxy ends the connection.
func (v *visit) hold() {
	v.SetReadDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, v.reader)
}

// request reads the next whole request; nil at the end of the connection, or when a message is cut or not canonical.
func (v *visit) request() *message {
	m, err := readMessage(v.reader, "")
	v.backend.mu.Lock()
	defer v.backend.mu.Unlock()
	if err != nil {
		v.partial, v.failure = m, err
		return nil
	}
	v.messages = append(v.messages, m)
	v.parsed = v.raw.Len() - v.reader.Buffered()
	if id, ok := m.field("X-Id"); ok {
		v.backend.whole[id]++
	}
	return m
}

// head reads the next head and reports whether it came whole. Its body is left to the script.
func (v *visit) head() bool {
	if _, err := readLine(v.reader); err != nil {
		return false
	}
	_, err := readFields(v.reader)
	return err == nil
}

// serve is a script that answers each request, until the answer function says that the connection is done.
func serve(answer func(v *visit, m *message) (more bool)) func(*visit) {
	return func(v *visit) {
		for {
			if m := v.request(); m == nil || !answer(v, m) {
				return
			}
		}
	}
}

// ok answers 200 with a short body.
func ok(v *visit, _ *message) bool {
	v.send("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok")
	return true
}

// executions counts how often the whole request with the id came.
func (b *backend) executions(id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole[id]
}

// connections counts those accepted so far.
func (b *backend) connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.visits)
}

// last is the newest whole request whose target has the prefix; nil when there is none.
func (b *backend) last(prefix string) (found *message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range b.visits {
		for _, m := range v.messages {
			if strings.HasPrefix(m.target(), prefix) {
				found = m
			}
		}
	}
	return found
}

// settled reports whether every visit has read all that came, and none is in the middle of a message.
func (b *backend) settled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range b.visits {
		if v.failure == nil && (v.raw.Len() != v.parsed || v.pending()) {
			return false
		}
	}
	return true
}

// pending reports whether the kernel holds bytes or an end that the script has not read.
func (v *visit) pending() bool { return unread(v.TCPConn) }

func unread(conn *net.TCPConn) (unread bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		unread = err == nil
	})
	return unread
}
