package tests

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// secureServer is Go's server with TLS. It offers the protocols by ALPN and counts its connections.
type secureServer struct {
	backend     string
	connections atomic.Int64
}

func startSecure(t *testing.T, h http.Handler, protocols ...string) *secureServer {
	t.Helper()
	s := new(secureServer)
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = protocols[0] == "h2"
	server.TLS = new(tls.Config)
	server.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.connections.Add(1)
		c := server.TLS.Clone()
		c.NextProtos = protocols
		return c, nil
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.backend = "https://" + server.Listener.Addr().String()
	return s
}

// sayProtocol answers with the version that the request came by, once as many as are expected are here.
func sayProtocol(expected int) http.Handler {
	var here sync.WaitGroup
	here.Add(expected)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/together" {
			here.Done()
			here.Wait()
		}
		io.WriteString(w, r.Proto)
	})
}

var unverified = []string{"--insecure", "--health-type", "off"}

// Whatever the backend chooses is obeyed, from the first request on, and by those that wait for the same handshake.
func TestALPNIsObeyed(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	const clients = 50
	for _, c := range []struct {
		protocols []string
		version   string
		most      int64 // connections
	}{
		{[]string{"h2", "http/1.1"}, "HTTP/2.0", 1},
		{[]string{"h2"}, "HTTP/2.0", 1},
		{[]string{"http/1.1"}, "HTTP/1.1", clients},
	} {
		t.Run(strings.ReplaceAll(strings.Join(c.protocols, ","), "/", ""), func(t *testing.T) {
			t.Parallel()
			s := startSecure(t, sayProtocol(clients), c.protocols...)
			b := start(t, settings{backends: []string{s.backend}, args: unverified})
			var running sync.WaitGroup
			for range clients {
				running.Go(func() { b.get(t, "/together").expect(t, 200, c.version) })
			}
			running.Wait()
			for range 10 {
				b.get(t, "/").expect(t, 200, c.version)
			}
			if n := s.connections.Load(); n > c.most {
				t.Errorf("%d connections for %d requests at once, want at most %d", n, clients, c.most)
			}
		})
	}
}

// A tunnel needs HTTP/1.1, which a backend of both is asked for.
func TestTunnelOverTLSIsHTTP1(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	s := startSecure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			io.WriteString(w, r.Proto)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		fmt.Fprintf(conn, "echo %s", line)
	}), "h2", "http/1.1")
	b := start(t, settings{backends: []string{s.backend}, args: unverified})
	for range 2 {
		b.get(t, "/").expect(t, 200, "HTTP/2.0")
		c := b.dial(t)
		if m := c.roundTrip("GET", "/", "Connection: upgrade", "Upgrade: echo"); m.status() != 101 {
			t.Fatalf("got %v, want 101", m)
		}
		c.send("hello\n")
		if line, err := c.reader.ReadString('\n'); line != "echo hello\n" {
			t.Errorf("through the tunnel came %q, %v", line, err)
		}
	}
}

// A backend of HTTP/2 alone gets the request without the offer.
func TestNoTunnelToABackendOfHTTP2Alone(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	root, _ := siteOf(t)
	cert, key := certificate(t)
	port := freePort(t)
	addr := startServer(t, port, "nghttpd", "-a", "127.0.0.1", "-d", root, strconv.Itoa(port), key, cert)
	b := start(t, settings{backends: []string{"https://" + addr}, args: unverified})
	for range 3 {
		b.get(t, "/small").expect(t, 200, "small")
		b.get(t, "/small", "Connection: upgrade", "Upgrade: echo").expect(t, 200, "small")
	}
}

// certificate writes that of Go's test servers, and its key, to files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert", "CERTIFICATE", pair.Certificate[0]), write("key", "PRIVATE KEY", secret)
}

func TestLargeBodiesOverTLSAndHTTP2(t *testing.T) {
	lbOnly(t)
	s := startSecure(t, bodies(), "h2")
	largeBodies(t, s.backend, unverified...)
}
