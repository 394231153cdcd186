package tests

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// named answers with the backend's name. A request for /hold is answered only when the test says so.
func named(t *testing.T, name string, held chan struct{}) *backend {
	t.Helper()
	return startBackend(t, serve(func(v *visit, m *message) bool {
		if m.target() == "/hold" {
			select {
			case <-held:
			case <-time.After(patience):
			}
		}
		v.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(name), name))
		return true
	}))
}

// three backends, A to C.
func three(t *testing.T) (addrs []string) {
	t.Helper()
	for _, name := range []string{"A", "B", "C"} {
		addrs = append(addrs, named(t, name, nil).addr)
	}
	return addrs
}

// tally sends requests one after the other on one connection and counts who answered.
func (b *balancer) tally(t *testing.T, n int) map[string]int {
	t.Helper()
	c := b.dial(t)
	counts := map[string]int{}
	for range n {
		counts[string(c.roundTrip("GET", "/").body)]++
	}
	return counts
}

// The shares of requests that come one at a time. Those of random are drawn: the limits are six standard deviations
// below the 100 that are expected. (Those of p2c depend on how the machine's other work delays an answer.)
func TestSharesOfEachStrategy(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, c := range []struct {
		strategy string
		weights  [3]int
		lowest   map[string]int
	}{
		{"round_robin", [3]int{5, 1, 1}, map[string]int{"A": 100, "B": 100, "C": 100}},
		{"weighted", [3]int{4, 1, 1}, map[string]int{"A": 200, "B": 50, "C": 50}},
		{"least_conn", [3]int{4, 1, 1}, map[string]int{"A": 199, "B": 49, "C": 49}},
		{"random", [3]int{1, 1, 1}, map[string]int{"A": 51, "B": 51, "C": 51}},
	} {
		t.Run(c.strategy, func(t *testing.T) {
			t.Parallel()
			addrs := three(t)
			for i := range addrs {
				addrs[i] += fmt.Sprintf(",weight=%d", c.weights[i])
			}
			b := start(t, settings{backends: addrs, args: []string{"-s", c.strategy}})
			counts := b.tally(t, 300)
			for name, lowest := range c.lowest {
				if counts[name] < lowest {
					t.Errorf("shares %v, want at least %v", counts, c.lowest)
					break
				}
			}
		})
	}
}

// One of two backends is busy: what comes meanwhile goes to the other.
func TestBusyBackendGetsNoMore(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, strategy := range []string{"least_conn", "p2c"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			held := make(chan struct{})
			backs := []*backend{named(t, "A", held), named(t, "B", held)}
			b := start(t, settings{backends: []string{backs[0].addr, backs[1].addr}, args: []string{"-s", strategy}})
			c := b.dial(t)
			c.send(head("GET", "/hold"))
			busy := func() bool { return backs[0].last("/hold") != nil || backs[1].last("/hold") != nil }
			if !eventually(busy, nil) {
				t.Fatal("no backend got the request")
			}
			counts := b.tally(t, 20)
			close(held)
			if name := string(c.response("GET").body); counts[name] != 0 || len(counts) != 1 {
				t.Errorf("%s was busy, and the others went to %v", name, counts)
			}
			if counts := b.tally(t, 40); strategy == "least_conn" && len(counts) != 2 { // p2c remembers how long it took
				t.Errorf("afterwards all went to %v", counts)
			}
		})
	}
}

func TestP2CLeavesASlowBackend(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	addrs := three(t)
	slow := startBackend(t, serve(func(v *visit, m *message) bool {
		<-time.After(40 * time.Millisecond)
		v.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
		return true
	}))
	b := start(t, settings{backends: append(addrs, slow.addr), args: []string{"-s", "p2c"}})
	if counts := b.tally(t, 300); counts["slow"] > 20 || counts["A"] == 0 || counts["B"] == 0 || counts["C"] == 0 {
		t.Errorf("shares %v", counts)
	}
}

// homes sends a request for each of 60 users and tells who answered.
func (b *balancer) homes(t *testing.T, field string) map[string]string {
	t.Helper()
	c := b.dial(t)
	homes := map[string]string{}
	for i := range 60 {
		user := fmt.Sprintf("user-%d", i)
		homes[user] = string(c.roundTrip("GET", "/", fmt.Sprintf(field, user)).body)
	}
	return homes
}

// The same key goes to the same backend, whichever worker gets it, and after a restart with the backends in another
// order. Without one of them only its own keys move.
func TestHashKeepsItsPromise(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for key, field := range map[string]string{"header:X-User": "x-user: %s", "cookie:user": "Cookie: a=b; user=%s; c=d"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			addrs := three(t)
			args := []string{"-s", "hash", "--hash-key", key}
			b := start(t, settings{backends: addrs, args: args, workers: 2})
			homes := b.homes(t, field)
			for range 8 {
				if again := b.homes(t, field); !maps.Equal(again, homes) {
					t.Fatalf("first %v, then %v", homes, again)
				}
			}
			others := start(t, settings{backends: []string{addrs[2], addrs[0], addrs[1]}, args: args}).homes(t, field)
			if !maps.Equal(others, homes) {
				t.Errorf("before a restart %v, after it %v", homes, others)
			}
			without := start(t, settings{backends: addrs[1:], args: args}).homes(t, field)
			for user, name := range homes {
				if name != "A" && without[user] != name {
					t.Errorf("%s moved from %s to %s, though %s has stayed", user, name, without[user], name)
				}
			}
			for _, name := range []string{"A", "B", "C"} {
				if !slices.Contains(slices.Collect(maps.Values(homes)), name) {
					t.Errorf("nobody of 60 is with %s", name)
				}
			}
		})
	}
}

// A reload that changes order and time-outs moves no key; one that drops a backend moves its own.
func TestHashSurvivesAReload(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	const field = "X-User: %s"
	addrs := three(t)
	path := hashFile(t, "1s", addrs...)
	b := start(t, settings{args: []string{"-c", path}, workers: 2})
	homes := b.homes(t, field)
	b.reload(t, path, hashFile(t, "2s", addrs[2], addrs[0], addrs[1]))
	if again := b.homes(t, field); !maps.Equal(again, homes) {
		t.Errorf("before the reload %v, after it %v", homes, again)
	}
	b.reload(t, path, hashFile(t, "2s", addrs[2], addrs[1]))
	var now map[string]string
	gone := func() bool { // the workers learn of the change a moment after the log
		now = b.homes(t, field)
		return !slices.Contains(slices.Collect(maps.Values(now)), "A")
	}
	if !eventually(gone, b.exited) {
		t.Fatalf("a backend that was dropped still gets requests: %v", now)
	}
	for user, name := range now {
		if homes[user] != "A" && homes[user] != name {
			t.Errorf("%s moved from %s to %s", user, homes[user], name)
		}
	}
}

func hashFile(t *testing.T, connect string, addrs ...string) (path string) {
	t.Helper()
	var backends []string
	for _, addr := range addrs {
		host, port, _ := net.SplitHostPort(addr)
		backends = append(backends, fmt.Sprintf(`{"host": %q, "port": %s}`, host, port))
	}
	return configFile(t, fmt.Sprintf(`{
		"strategy": "hash", "hash_key": "header:X-User", "timeouts": {"connect": %q}, "backends": [%s]
	}`, connect, strings.Join(backends, ", ")))
}

// reload puts another file in the place of the configuration and returns when the log tells of the change.
func (b *balancer) reload(t *testing.T, path, with string) {
	t.Helper()
	const told = `"message":"configuration changed"`
	before := strings.Count(b.stdout.String(), told)
	if err := os.Rename(with, path); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return strings.Count(b.stdout.String(), told) > before }, b.exited) {
		t.Fatal("the configuration was not reloaded")
	}
}

// Requests of one address stay together, those of 40 addresses do not.
func TestHashGoesByTheClientsAddress(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	b := start(t, settings{backends: three(t), args: []string{"-s", "hash"}, workers: 2})
	counts := map[string]int{}
	for i := range 40 {
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 7, byte(i+1))}
		first := string(b.getFrom(t, from).body)
		if second := string(b.getFrom(t, from).body); second != first {
			t.Errorf("%v was with %s, then with %s", from.IP, first, second)
		}
		counts[first]++
	}
	if len(counts) != 3 {
		t.Errorf("40 addresses are spread as %v", counts)
	}
}

func (b *balancer) getFrom(t *testing.T, from *net.TCPAddr) *message {
	t.Helper()
	dialer := net.Dialer{LocalAddr: from}
	conn, err := dialer.Dial("tcp", b.addr)
	if err != nil {
		t.Skipf("needs all of 127.0.0.0/8: %v", err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	c := &client{TCPConn: conn.(*net.TCPConn), t: t, reader: bufio.NewReader(conn)}
	return c.roundTrip("GET", "/")
}
