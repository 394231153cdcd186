package tests

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// startServer runs a program until the test ends and waits until it listens.
func startServer(t *testing.T, port int, name string, args ...string) (addr string) {
	t.Helper()
	cmd := exec.Command(need(t, name), args...)
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
		t.Fatalf("%s does not listen: %s", name, out.String())
	}
	return addr
}

// startNghttpd serves the files of root, and echoes uploads.
func startNghttpd(t *testing.T, root string) (backend string) {
	port := freePort(t)
	return "h2c://" + startServer(t, port, "nghttpd",
		"--no-tls", "--echo-upload", "-a", "127.0.0.1", "-d", root, strconv.Itoa(port))
}

// startNginxH2 serves the files of root, and ends a connection by GOAWAY after so many requests.
func startNginxH2(t *testing.T, root string, requests int) (backend string) {
	return "h2c://" + startNginxWith(t, root, requests, "http2", "")
}

// startNginxTLS does so with TLS, over HTTP/2 and HTTP/1.1.
func startNginxTLS(t *testing.T, root string, requests int) (backend string) {
	cert, key := certificate(t)
	return "https://" + startNginxWith(t, root, requests, "ssl http2",
		fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s;", cert, key))
}

func startNginxWith(t *testing.T, root string, requests int, protocols, more string) (addr string) {
	port := freePort(t)
	config := configFile(t, fmt.Sprintf(`
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 512; }
http {
	access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi; scgi_temp_path scgi; keepalive_requests %d;
	server { listen 127.0.0.1:%d %s; root %s; %s }
}`, requests, port, protocols, root, more))
	args := []string{"-p", t.TempDir(), "-c", config}
	if os.Geteuid() == 0 {
		args = append(args, "-g", "user root;")
	}
	return startServer(t, port, "nginx", args...)
}

// siteOf is a directory with a small and a large file.
func siteOf(t *testing.T) (root string, large []byte) {
	t.Helper()
	root = t.TempDir()
	large, err := io.ReadAll(newPattern(5<<20 + 1))
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "large"), large, 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "small"), []byte("small"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return root, large
}

func TestServersOfHTTP2(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	root, large := siteOf(t)
	files := http.FileServer(http.Dir(root))
	for name, backend := range map[string]func() string{
		"nghttpd": func() string { return startNghttpd(t, root) },
		"nginx":   func() string { return startNginxH2(t, root, 1000) },
		"go":      func() string { return startH2C(t, files) },

		"nginx with TLS": func() string { return startNginxTLS(t, root, 1000) },
		"go with TLS":    func() string { return startSecure(t, files, "h2", "http/1.1").backend },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, settings{backends: []string{backend()}, args: []string{"--insecure"}}).dial(t)
			for range 3 {
				c.roundTrip("GET", "/small").expect(t, 200, "small")
				c.roundTrip("GET", "/large").expect(t, 200, string(large))
				c.roundTrip("HEAD", "/large").expect(t, 200, "")
				if m := c.roundTrip("GET", "/none"); m.status() != 404 {
					t.Errorf("got %v, want 404", m)
				}
				if via, _ := c.roundTrip("GET", "/small").field("Via"); via != "2.0 lb" {
					t.Errorf("Via %q, want the version that the response came by (RFC 9110 §7.6.3)", via)
				}
			}
		})
	}
}

// A thousand requests at once share few connections, and none waits for another.
func TestThousandStreams(t *testing.T) {
	const clients = 1000
	lbOnly(t)
	var here sync.WaitGroup
	here.Add(clients)
	var connections atomic.Int64
	s := startH2C(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here.Done()
		here.Wait()
		io.WriteString(w, r.URL.Path)
	}))
	counted := startRelay(t, strings.TrimPrefix(s, "h2c://"), &connections)
	b := start(t, settings{backends: []string{"h2c://" + counted}, workers: 2})
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() {
			target := fmt.Sprintf("/%d", i)
			if m := b.get(t, target); m.status() != 200 || string(m.body) != target {
				t.Errorf("%s got %v", target, m)
			}
		})
	}
	running.Wait()
	if n := connections.Load(); n > clients/50 {
		t.Errorf("%d connections to the backend for %d streams", n, clients)
	}
}

// startRelay passes bytes on to a server and counts the connections.
func startRelay(t *testing.T, to string, connections *atomic.Int64) (addr string) {
	t.Helper()
	back := startBackend(t, func(v *visit) {
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer server.Close()
		connections.Add(1)
		go func() {
			io.Copy(v.TCPConn, server)
			v.Close()
		}()
		io.Copy(server, v.TCPConn)
	})
	return back.addr
}

// A server that ends its connections again and again, as all do that are reloaded, costs no request.
func TestGoAwayUnderLoad(t *testing.T) {
	lbOnly(t)
	root, _ := siteOf(t)
	for name, backend := range map[string]string{
		"clear text": startNginxH2(t, root, 50), "TLS": startNginxTLS(t, root, 50),
	} {
		t.Run(name, func(t *testing.T) { goAwayUnderLoad(t, backend) })
	}
}

func goAwayUnderLoad(t *testing.T, backend string) {
	b := start(t, settings{backends: []string{backend}, workers: 2, args: []string{"--insecure"}})
	const clients, requests = 20, 300 // 120 times 50
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			c := b.dial(t)
			for range requests {
				if m := c.roundTrip("GET", "/small"); m.status() != 200 {
					t.Errorf("got %v", m)
					return
				}
			}
		})
	}
	running.Wait()
}
