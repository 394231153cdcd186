package tests

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// startNginx runs nginx as an origin server until the test ends: it serves the files of root, takes PUT, and says who
// it is.
func startNginx(t *testing.T, root string) (addr string) {
	t.Helper()
	port := freePort(t)
	config := fmt.Sprintf(`
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 512; }
http {
	access_log off; client_max_body_size 0; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen 127.0.0.1:%d; root %s; dav_methods PUT; create_full_put_path on;
		location = /who { return 200 nginx; }
	}
}`, port, root)
	cmd := exec.Command(need(t, "nginx"), "-p", t.TempDir(), "-c", configFile(t, config))
	if os.Geteuid() == 0 {
		cmd.Args = append(cmd.Args, "-g", "user root;") // or it could not write under the test's directory
	}
	var out record
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if !eventually(func() bool { return connects(addr) }, nil) {
		t.Fatalf("nginx does not listen: %s", out.String())
	}
	return addr
}

// startGoServer runs a Go server that does what startNginx's does.
func startGoServer(t *testing.T, root string) (addr string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "go") })
	mux.HandleFunc("PUT /", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Create(filepath.Join(root, filepath.Base(r.URL.Path)))
		if err == nil {
			defer f.Close()
			_, err = io.Copy(f, r.Body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	mux.Handle("GET /", http.FileServer(http.Dir(root)))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// curl runs curl and returns its output.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.Command(need(t, "curl"), append([]string{"-sS", "--http1.1", "--max-time", "60"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("curl %q: %v\n%s", args, err, complaint.String())
	}
	return out.String()
}

func TestRequestsAreSharedBetweenNginxAndGo(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := start(t, settings{backends: []string{startNginx(t, root), startGoServer(t, root)}})
	urls := make([]string, 10)
	for i := range urls {
		urls[i] = "http://" + b.addr + "/who"
	}
	got := curl(t, urls...)
	if strings.Count(got, "nginx") != 5 || strings.Count(got, "go") != 5 || len(got) != 5*len("nginxgo") {
		t.Errorf("10 requests in turn were answered %q, want 5 by each", got)
	}
}

// Files that curl puts through lb and fetches through lb are the same, whichever of the two servers did each part.
func TestCurlPutsAndGetsFilesThroughNginxAndGo(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := start(t, settings{backends: []string{startNginx(t, root), startGoServer(t, root)}})
	sent := filepath.Join(t.TempDir(), "sent")
	writePattern(t, sent, 10<<20+1)
	inChunks := []string{"-H", "Transfer-Encoding: chunked"}
	for i, mode := range [][]string{nil, nil, inChunks, inChunks, {"-H", "Expect:"}} {
		url := fmt.Sprintf("http://%s/file%d", b.addr, i)
		status := curl(t, append(slices.Clone(mode), "-o", "/dev/null", "-w", "%{http_code}", "-T", sent, url)...)
		if status != "201" && status != "204" {
			t.Errorf("PUT %d: %s", i, status)
		}
		for range 2 {
			compareFiles(t, curl(t, url), sent)
		}
	}
}

func writePattern(t *testing.T, path string, size int64) {
	t.Helper()
	content, err := io.ReadAll(newPattern(size))
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func compareFiles(t *testing.T, got, path string) {
	t.Helper()
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("got %d bytes that differ from the %d of %s (%v)", len(got), len(want), path, err)
	}
}

// What a server decides from the request's fields, it decides the same behind lb: ranges, conditions, HEAD.
func TestCurlRangesAndConditionsThroughNginx(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "digits"), []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := start(t, settings{backends: []string{startNginx(t, root)}})
	url := "http://" + b.addr + "/digits"
	if got := curl(t, "-r", "2-5", "-w", " %{http_code}", url); got != "2345 206" {
		t.Errorf("range: %q", got)
	}
	since := filepath.Join(root, "digits") // its own time
	if got := curl(t, "-z", since, "-w", "%{http_code}", url); got != "304" {
		t.Errorf("condition: %q", got)
	}
	got := strings.ToLower(curl(t, "-I", url))
	if !strings.HasPrefix(got, "http/1.1 200 ok\r\n") || !strings.Contains(got, "content-length: 10\r\n") {
		t.Errorf("HEAD: %q", got)
	}
	const counts = "%{http_code} %{num_connects}\n"
	if got := curl(t, "-w", counts, "-o", "/dev/null", url, "-o", "/dev/null", url); got != "200 1\n200 0\n" {
		t.Errorf("two requests on one connection: %q", got)
	}
}
