package tests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const identityRequests = 20

// identityClients is how many there are at once.
func identityClients() int {
	if testing.Short() {
		return 100
	}
	return 500
}

// echoIdentity answers each request with its id and its body, between them a filling whose length follows from the id.
func echoIdentity(v *visit, m *message) bool {
	id, _ := m.field("X-Id")
	body := id + "|" + filling(id) + "|" + string(m.body)
	if len(id)%2 == 0 {
		v.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Id: %s\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"%x\r\n%s\r\n0\r\n\r\n", id, len(body), body))
		return true
	}
	v.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Id: %s\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body))
	return true
}

func filling(id string) string {
	n := 0
	for _, c := range id {
		n = (n*31 + int(c)) % 9973
	}
	return strings.Repeat("x", n)
}

// Each of 10,000 responses on 500 connections at once (of 2,000 on 100 in the short form) carries what its own request asked for.
func TestNoResponseIsMixedUp(t *testing.T) {
	backs := []*backend{
		startBackend(t, serve(echoIdentity)), startBackend(t, serve(echoIdentity)), startBackend(t, serve(echoIdentity)),
	}
	b := start(t, settings{backends: []string{backs[0].addr, backs[1].addr, backs[2].addr}, workers: 2})
	var right atomic.Int64
	var running sync.WaitGroup
	clients := identityClients()
	failures := make(chan error, clients)
	for i := range clients {
		running.Go(func() {
			if err := identify(b.addr, i, &right); err != nil {
				failures <- fmt.Errorf("client %d: %w", i, err)
			}
		})
	}
	running.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if want := int64(clients * identityRequests); right.Load() != want {
		t.Errorf("%d responses right, want %d", right.Load(), want)
	}
	expectShares(t, backs)
}

// expectShares checks that each backend took part and that no request was executed twice or in pieces.
func expectShares(t *testing.T, backs []*backend) {
	t.Helper()
	total := 0
	for i, back := range backs {
		back.mu.Lock()
		n := len(back.whole)
		for id, times := range back.whole {
			if total += times; times > 1 {
				t.Errorf("request %s was executed %d times", id, times)
			}
		}
		back.mu.Unlock()
		t.Logf("backend %d served %d requests on %d connections", i, n, back.connections())
		if n == 0 {
			t.Errorf("backend %d got nothing", i)
		}
	}
	if want := identityClients() * identityRequests; total != want {
		t.Errorf("%d executions, want %d", total, want)
	}
}

// identify is one client: it sends its requests in turn, every third one with a body, and compares each answer.
func identify(addr string, client int, right *atomic.Int64) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(3 * patience))
	reader := bufio.NewReader(conn)
	for i := range identityRequests {
		id, method, body := fmt.Sprintf("%d-%d", client, i), "GET", ""
		request := head("GET", "/"+id, "X-Id: "+id)
		if i%3 == 2 {
			method, body = "POST", strings.Repeat(id, 50)
			request = head("POST", "/"+id, "X-Id: "+id, fmt.Sprintf("Content-Length: %d", len(body))) + body
		}
		if _, err := io.WriteString(conn, request); err != nil {
			return err
		}
		m, err := readMessage(reader, method)
		if err != nil {
			return fmt.Errorf("request %s: %w", id, err)
		}
		if err := belongs(m, id, body); err != nil {
			return err
		}
		right.Add(1)
	}
	return nil
}

func belongs(m *message, id, body string) error {
	if m.status() != 200 {
		return fmt.Errorf("request %s: %s", id, m.start)
	}
	if got, _ := m.field("X-Id"); got != id || string(m.body) != id+"|"+filling(id)+"|"+body {
		return errors.Join(errMixedUp, fmt.Errorf("request %s got the response of %q with %.60q", id, got, m.body))
	}
	return nil
}

var errMixedUp = errors.New("mixed up")
