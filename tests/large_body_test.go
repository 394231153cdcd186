package tests

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

// origin is a Go server: it sends or checks generated bodies of ?size bytes, chunked or with a length.
func origin(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(bodies())
	t.Cleanup(s.Close)
	return served(t, s.Listener.Addr().String())
}

func bodies() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /download", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.ParseInt(r.FormValue("size"), 10, 64)
		if !r.URL.Query().Has("chunked") {
			w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		}
		io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{newPattern(size)}, make([]byte, blockBytes))
	})
	mux.HandleFunc("POST /upload", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.ParseInt(r.URL.Query().Get("size"), 10, 64)
		if err := verify(r.Body, size); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		fmt.Fprintf(w, "verified, length %d", r.ContentLength)
	})
	return mux
}

func largeSize() int64 {
	if testing.Short() || raceDetector {
		return 64 << 20
	}
	return 1 << 30
}

// Bodies larger than the memory that lb may use pass in both directions, byte for byte.
func TestLargeBodies(t *testing.T) { largeBodies(t, origin(t)) }

func TestLargeBodiesOverHTTP2(t *testing.T) { largeBodies(t, startH2C(t, bodies())) }

func largeBodies(t *testing.T, backend string, args ...string) {
	const limit = 60 << 20
	b := start(t, settings{backends: []string{backend}, workers: 2, args: args})
	size := largeSize()
	for _, c := range []struct {
		name string
		run  func(*testing.T, string, int64)
	}{
		{"download with length", func(t *testing.T, url string, n int64) { download(t, url, n, "") }},
		{"download in chunks", func(t *testing.T, url string, n int64) { download(t, url, n, "&chunked") }},
		{"upload with length", func(t *testing.T, url string, n int64) { upload(t, url, n, n) }},
		{"upload in chunks", func(t *testing.T, url string, n int64) { upload(t, url, n, -1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			c.run(t, "http://"+b.addr, size)
			t.Logf("%d MiB in %.2f s", size>>20, time.Since(began).Seconds())
		})
	}
	b.expectMemory(t, limit)
}

func httpClient(t *testing.T) *http.Client {
	transport := &http.Transport{DisableCompression: true, WriteBufferSize: blockBytes, ReadBufferSize: blockBytes}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func download(t *testing.T, url string, size int64, mode string) {
	t.Helper()
	res, err := httpClient(t).Get(fmt.Sprintf("%s/download?size=%d%s", url, size, mode))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if known := res.ContentLength >= 0; known != (mode == "") {
		t.Errorf("length %d: the framing changed on the way", res.ContentLength)
	}
	if err := verify(res.Body, size); err != nil || res.StatusCode != 200 {
		t.Errorf("status %d, %v", res.StatusCode, err)
	}
}

func upload(t *testing.T, url string, size, length int64) {
	t.Helper()
	body := struct{ io.Reader }{newPattern(size)}
	req, err := http.NewRequest("POST", fmt.Sprintf("%s/upload?size=%d", url, size), body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = length
	res, err := httpClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if want := fmt.Sprintf("verified, length %d", length); string(answer) != want {
		t.Errorf("status %d, %q, %v; want %q", res.StatusCode, answer, err, want)
	}
}
