package tests

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// thousands are backends on addresses of this host, 127.0.1.1 to 127.0.4.250, one port and one listener.
type thousands struct {
	addrs    []string
	answered atomic.Int64 // requests and probes
}

func startThousands(t *testing.T, n int) *thousands {
	t.Helper()
	s := &thousands{}
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.answer(conn) })
		}
	})
	t.Cleanup(func() { l.Close() }) // the connections end with the balancer, which is stopped before
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for i := range n {
		s.addrs = append(s.addrs, fmt.Sprintf("127.0.%d.%d:%s", 1+i/250, 1+i%250, port))
	}
	return s
}

// answer answers each request that has no body.
func (s *thousands) answer(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		s.answered.Add(1)
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

// spent is the CPU time of a process, of all threads that it has.
func (b *balancer) spent(t *testing.T) (sum time.Duration) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", b.cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		t.Skip("needs /proc with schedstat")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		onCPU, _, _ := bytes.Cut(text, []byte(" "))
		n, err := strconv.ParseInt(string(onCPU), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(n)
	}
	return sum
}

// drive sends so many requests on kept connections, as fast as they are answered.
func (b *balancer) drive(t *testing.T, requests int) {
	t.Helper()
	var left, failed atomic.Int64
	left.Store(int64(requests))
	var running sync.WaitGroup
	for range 32 {
		running.Go(func() {
			conn, err := net.Dial("tcp", b.addr)
			if err != nil {
				failed.Add(1)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			reader := bufio.NewReader(conn)
			for left.Add(-1) >= 0 {
				if err := ask(conn, reader); err != nil {
					failed.Add(1)
					return
				}
			}
		})
	}
	running.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of 32 clients failed", n)
	}
}

// figures of a balancer with so many backends.
type figures struct {
	backends   int
	perRequest time.Duration // of CPU
	idle       time.Duration // of CPU, each second
	memory     int64         // bytes, resident
	scraped    int64         // the same, when /metrics was asked for
	scrape     time.Duration
}

func (f figures) String() string {
	return fmt.Sprintf("%d backends: %v of CPU per request, %v each second at rest, %.1f MiB, %.1f MiB after a scrape, which took %v",
		f.backends, f.perRequest, f.idle.Round(time.Microsecond), mebibytes(f.memory), mebibytes(f.scraped), f.scrape.Round(time.Millisecond))
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// weigh measures a balancer with so many backends, all of which have a kept connection, and are probed meanwhile.
func weigh(t *testing.T, n, requests int) (f figures) {
	t.Helper()
	admin, args := adminArgs(t)
	backends := startThousands(t, n)
	b := start(t, settings{backends: backends.addrs, health: true, args: args})
	probed := func() bool { return backends.answered.Load() >= int64(n) }
	if *full && !eventually(probed, b.exited) { // they are spread over five seconds
		t.Errorf("%d probes of %d backends", backends.answered.Load(), n)
	}
	b.drive(t, 4*n)
	before := b.spent(t)
	b.drive(t, requests)
	f.backends, f.perRequest = n, (b.spent(t)-before)/time.Duration(requests)
	if *full { // two rounds of probes
		before = b.spent(t)
		pause := time.NewTimer(10 * time.Second) // what is measured
		<-pause.C
		f.idle = (b.spent(t) - before) / 10
	}
	f.memory = b.peakMemory(t)
	began := time.Now()
	_, text := page(t, admin, "/metrics")
	f.scrape, f.scraped = time.Since(began), b.peakMemory(t)
	s := readScrape(t, text)
	if up, kept := s.sum("lb_backend_up"), s.sum("lb_backend_connections"); up != float64(n) || kept < float64(n) {
		t.Errorf("%v of %d backends are up, with %v connections", up, n, kept)
	}
	t.Log(f)
	return f
}

// What a request costs, and what a backend takes, does not grow with the number of backends, apart from what the caches of
// the processor have to say to a thousand connections. The limits are wide, as the machine has other work; -full prints
// figures of longer runs.
func TestCostsAreFlatUpToAThousandBackends(t *testing.T) {
	lbOnly(t)
	if raceDetector {
		t.Skip("the race detector's costs are not lb's")
	}
	requests := 8000
	if *full {
		requests = 100000
	}
	few, some, many := weigh(t, 3, requests), weigh(t, 64, requests), weigh(t, 1000, requests)
	for _, f := range []figures{some, many} {
		if f.perRequest > 2*few.perRequest {
			t.Errorf("a request costs %v with %d backends, %v with %d", f.perRequest, f.backends, few.perRequest, few.backends)
		}
		if limit := few.memory + 4<<20 + int64(f.backends)*24<<10; f.memory > limit {
			t.Errorf("%.1f MiB with %d backends, want at most %.1f", mebibytes(f.memory), f.backends, mebibytes(limit))
		}
	}
}
