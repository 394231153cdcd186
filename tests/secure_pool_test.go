package tests

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// Connections of TLS and of HTTP/2 are used again, counted, and end when they were idle for long enough.
func TestSecureConnectionsAreKeptCountedAndEnded(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(strings.ReplaceAll(proto, "/", ""), func(t *testing.T) {
			t.Parallel()
			var begun, ended atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, r.Proto)
			}))
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				switch state {
				case http.StateNew:
					begun.Add(1)
				case http.StateClosed:
					ended.Add(1)
				}
			}
			s.EnableHTTP2 = proto == "HTTP/2.0"
			s.StartTLS()
			t.Cleanup(s.Close)
			backend := "https://" + s.Listener.Addr().String()
			b := start(t, settings{backends: []string{backend}, args: []string{"-k", "--idle-timeout", "2s"}})
			before := b.scrape(t)
			c := b.dial(t)
			for range 10 {
				c.roundTrip("GET", "/").expect(t, 200, proto)
			}
			after := b.scrape(t)
			name := `backend="` + backend + `"`
			after.expect(t, before, 1, "lb_backend_connections_total", name, `use="new"`)
			after.expect(t, before, 9, "lb_backend_connections_total", name, `use="reused"`)
			after.expect(t, before, 10, "lb_backend_requests_total", name, `class="2xx"`)
			if n := after.sum("lb_backend_received_bytes_total", name); n < 10*float64(len(proto)) {
				t.Errorf("%v bytes received", n)
			}
			if n := begun.Load(); n != 1 || ended.Load() != 0 {
				t.Errorf("%d connections, of which %d have ended", n, ended.Load())
			}
			if !eventually(func() bool { return ended.Load() == begun.Load() }, b.exited) {
				t.Error("the idle connection does not end")
			}
			b.get(t, "/").expect(t, 200, proto)
		})
	}
}
