package tests

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"lb/messages"
	"lb/mp"
	"lb/proxy"
)

// The price of a small exchange in memory, over real sockets and in this process: a raw client, the worker on its loop, a
// raw backend. Neither end allocates, so whatever is counted is the worker's.

const (
	smallRequest = "GET /index.html?q=1 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
		"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\nReferer: http://www.example.com/\r\nCookie: session=0123456789abcdef\r\n" +
		"Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n\r\n"
	smallResponse = "HTTP/1.1 200 OK\r\nServer: raw\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n" +
		"Content-Length: 52\r\n\r\n0123456789012345678901234567890123456789012345678901"
)

func TestSmallExchangeAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	exchange := smallExchange(t)
	for range 100 { // until buffers, pools and spare exchanges have grown
		exchange()
	}
	// Fewer than one in two hundred: the runtime's own goroutines allocate now and then.
	if got := testing.AllocsPerRun(2000, exchange); got > 0.005 {
		t.Errorf("%v allocations per exchange, want 0", got)
	}
}

func BenchmarkSmallExchange(b *testing.B) {
	exchange := smallExchange(b)
	exchange()
	b.ReportAllocs()
	for b.Loop() {
		exchange()
	}
}

// smallExchange returns a function that has one exchange made on a connection which stays open.
func smallExchange(t testing.TB) func() {
	t.Helper()
	client, err := net.Dial("tcp", startWorker(t, rawBackend(t)).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	request, buffer := []byte(smallRequest), make([]byte, 4096)
	end := []byte("678901234567890123456789012345678901")
	return func() {
		if _, err := client.Write(request); err != nil {
			t.Fatal(err)
		}
		n := 0
		for !bytes.HasSuffix(buffer[:n], end) {
			m, err := client.Read(buffer[n:])
			if err != nil {
				t.Fatalf("after %q: %v", buffer[:n], err)
			}
			n += m
		}
		if !bytes.HasPrefix(buffer[:n], []byte("HTTP/1.1 200 OK\r\n")) {
			t.Fatalf("got %q", buffer[:n])
		}
	}
}

// startWorker runs a worker on a loop of its own and returns where it listens.
func startWorker(t testing.TB, backend netip.AddrPort) netip.AddrPort {
	t.Helper()
	sockets, err := mp.Listen("127.0.0.1", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	loop, err := proxy.NewLoop(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := messages.DefaultConfig()
	c.Backends = []messages.Backend{{Host: backend.Addr().String(), Port: backend.Port(), Weight: 1}}
	w := proxy.NewWorker(loop, proxy.Options{})
	w.Apply(&messages.Snapshot{
		Generation: 1, Config: c,
		Members: []messages.Member{{Backend: c.Backends[0], Addresses: []netip.AddrPort{backend}}},
	})
	if err := w.Listen(sockets.FDs()[0]); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- loop.Run() }()
	t.Cleanup(func() {
		loop.Schedule(w.Close)
		loop.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = sockets.Close()
	})
	return sockets.Addr()
}

// rawBackend answers whatever ends with an empty line.
func rawBackend(t testing.TB) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerRaw(c)
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func answerRaw(c net.Conn) {
	defer func() { _ = c.Close() }()
	response, buffer := []byte(smallResponse), make([]byte, 4096)
	n := 0
	for {
		m, err := c.Read(buffer[n:])
		if err != nil {
			return
		}
		if n += m; !bytes.HasSuffix(buffer[:n], []byte("\r\n\r\n")) {
			continue
		}
		n = 0
		if _, err := c.Write(response); err != nil {
			return
		}
	}
}
