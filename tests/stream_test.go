package tests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

const eventCount = 50

// eventSource writes an event whenever it is asked to, and tells when.
func eventSource(t *testing.T, ask <-chan struct{}, written chan<- time.Time) (addr string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for i := range eventCount {
			select {
			case <-ask:
			case <-r.Context().Done():
				return
			}
			written <- time.Now()
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// An event reaches the client at once: a buffer that waits to fill, or Nagle's algorithm (40 ms), would show.
func TestEventsReachTheClientAtOnce(t *testing.T) {
	ask, written := make(chan struct{}), make(chan time.Time, 1)
	b := start(t, settings{backends: []string{eventSource(t, ask, written)}})
	res, err := httpClient(t).Get("http://" + b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var delays []time.Duration
	buf := make([]byte, 256)
	for i := range eventCount {
		ask <- struct{}{}
		var event string
		for !strings.HasSuffix(event, "\n\n") {
			n, err := res.Body.Read(buf)
			if event += string(buf[:n]); err != nil && i < eventCount-1 {
				t.Fatalf("event %d: %v after %q", i, err, event)
			}
		}
		delays = append(delays, time.Since(<-written))
		if want := fmt.Sprintf("data: %d\n\n", i); event != want {
			t.Fatalf("got %q, want %q", event, want)
		}
	}
	slices.Sort(delays)
	median := delays[len(delays)/2]
	t.Logf("from write to read: median %v, largest %v of %d", median, delays[len(delays)-1], len(delays))
	if median > 20*time.Millisecond { // to reach: 10 ms; the rest is for the other processes of this machine
		t.Errorf("median delay %v", median)
	}
}

// A client that leaves in the middle of a response frees the backend at once.
func TestClientAbortEndsTheUpstreamExchange(t *testing.T) {
	t.Parallel()
	freed := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			close(freed)
		case <-time.After(patience):
		}
	}))
	t.Cleanup(s.Close)
	peerDiffers(t, "nginx", "is told to ignore a client's end")
	b := start(t, settings{backends: []string{s.Listener.Addr().String()}})
	c := b.dial(t)
	c.send(head("GET", "/"))
	if line, err := readLine(c.reader); line != "HTTP/1.1 200 OK" {
		t.Fatalf("%q, %v", line, err)
	}
	c.SetLinger(0)
	c.Close()
	select {
	case <-freed:
	case <-time.After(patience / 2):
		t.Error("the backend's connection outlived its client")
	}
}
