package tests

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// stale answers the first request of a connection and ends it, by FIN or RST, when the next one comes.
func stale(withReset bool) func(*visit) {
	return func(v *visit) {
		m := v.request()
		if m == nil || !ok(v, m) {
			return
		}
		if _, err := v.reader.Peek(1); err == nil && withReset {
			v.reset()
		}
	}
}

// A pooled connection that its backend closes as the next request arrives: what may be repeated is repeated on a fresh
// connection, to the same backend if there is no other, and nobody sees it. A POST is not: it may have been executed.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	for _, withReset := range []bool{false, true} {
		t.Run(fmt.Sprintf("reset %v", withReset), func(t *testing.T) {
			t.Parallel()
			back := startBackend(t, stale(withReset))
			b := start(t, impatient(back.addr))
			for i := range 20 {
				expectRepeated(t, b, back, fmt.Sprintf("get%d", i))
				expectOnce(t, b, back, fmt.Sprintf("post%d", i))
			}
		})
	}
}

func expectRepeated(t *testing.T, b *balancer, back *backend, id string) {
	t.Helper()
	if m, err := b.ask(t, "GET", id); m == nil || err != nil || m.status() != 200 || back.executions(id) != 1 {
		t.Errorf("%s: got %v, %v; executed %d times; want 200", id, m, err, back.executions(id))
	}
}

// expectOnce sends a POST: 200 when it found a fresh connection, 502 when a stale one, and never two executions.
func expectOnce(t *testing.T, b *balancer, back *backend, id string) {
	t.Helper()
	m, err := b.ask(t, "POST", id)
	n := back.executions(id)
	switch {
	case m == nil || err != nil || m.status() != 200 && m.status() != 502:
		t.Errorf("%s: got %v, %v; want 200 or 502", id, m, err)
	case m.status() == 200 && n != 1, n > 1:
		t.Errorf("%s: %s, but executed %d times", id, m.start, n)
	case m.status() == 502:
		expectReason(t, m, terminated)
	}
}

// A POST that a stale connection took whole and then dropped is never sent again, however many backends there are.
func TestStaleConnectionNeverRepeatsAPost(t *testing.T) {
	t.Parallel()
	var lost atomic.Int64
	script := func(v *visit) {
		if m := v.request(); m == nil || !ok(v, m) {
			return
		}
		if m := v.request(); m != nil { // executed, but the answer never comes
			lost.Add(1)
		}
	}
	backs := []*backend{startBackend(t, script), startBackend(t, script)}
	b := start(t, impatient(backs[0].addr, backs[1].addr))
	for i := range 20 {
		id := fmt.Sprintf("post%d", i)
		m, err := b.ask(t, "POST", id)
		if n := backs[0].executions(id) + backs[1].executions(id); n != 1 {
			t.Errorf("%s: executed %d times", id, n)
		}
		if m == nil || err != nil || m.status() != 200 && m.status() != 502 {
			t.Errorf("%s: got %v, %v; want 200 or 502", id, m, err)
		}
	}
	if lost.Load() == 0 {
		t.Error("no request came on a used connection: nothing was tested")
	}
}

// A backend that closes each connection after its answer, saying nothing: the FIN is seen before the connection is
// picked.
func TestBackendThatClosesIdleConnections(t *testing.T) {
	t.Parallel()
	back := startBackend(t, serve(func(v *visit, m *message) bool {
		ok(v, m)
		return false
	}))
	b := start(t, impatient(back.addr))
	failed := 0
	for i := range 200 {
		expectRepeated(t, b, back, fmt.Sprintf("get%d", i))
		id := fmt.Sprintf("post%d", i)
		expectOnce(t, b, back, id)
		if back.executions(id) == 0 {
			failed++
		}
	}
	t.Logf("%d of 200 POSTs met the closing connection", failed)
	if failed > 50 {
		t.Errorf("%d of 200 POSTs were sent on a connection that its backend had closed", failed)
	}
}
