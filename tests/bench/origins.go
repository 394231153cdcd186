//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// scheme is how proxies speak to backends; the words are those of lb's --backend.
type scheme string

const (
	plain scheme = ""      // HTTP/1.1 in clear text
	tls   scheme = "https" // HTTP/1.1 over TLS
	h2c   scheme = "h2c"   // HTTP/2 in clear text, with prior knowledge (RFC 9113 §3.3)
)

// origins are the backends of one scheme; their CPU time is nobody's.
type origins struct {
	scheme    scheme
	addresses []string
}

// behind gives the backends of a scheme, and starts them when they are wanted first.
func (b *bench) behind(ctx context.Context, s scheme) (origins, error) {
	if s == plain {
		return origins{plain, b.backends.addresses}, nil
	}
	if found, ok := b.origins[s]; ok {
		return found, nil
	}
	start := b.startTLS
	if s == h2c {
		start = b.startH2C
	}
	addresses, err := start(ctx)
	if err != nil {
		return origins{}, fmt.Errorf("backends of %s: %w", s, err)
	}
	b.origins[s] = origins{s, addresses}
	return b.origins[s], nil
}

// startTLS starts one nginx with a server for each backend. A TLS server of ours could not be cheaper than one in C.
func (b *bench) startTLS(ctx context.Context) ([]string, error) {
	dir := filepath.Join(b.dir, "origins-tls")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	certificate, key, err := selfSigned(time.Now())
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(b.options.backends)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"certificate": certificate,
		"key":         key,
		"large":       allWorkloads.named("download").responseBody(),
		"config":      []byte(originsConfig(dir, b.options.workers, ports)),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return nil, err
		}
	}
	command := []string{"nginx", "-p", dir, "-c", filepath.Join(dir, "config"), "-e", "stderr"}
	return addressesOf(ports), b.launch(ctx, "nginx", dir, ports[0], command)
}

// originsConfig allows one cipher suite only: OpenSSL and crypto/tls prefer different ones, and the work is to be the
// same.
func originsConfig(dir string, workers int, ports []int) string {
	var listen strings.Builder
	for _, port := range ports {
		fmt.Fprintf(&listen, originServer, port, smallBody)
	}
	return fmt.Sprintf(`daemon off;
pid %[1]s/pid;
error_log stderr crit;
worker_processes %[2]d;
worker_rlimit_nofile %[3]d;
events {
    worker_connections %[3]d;
    multi_accept on;
}
http {
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    root %[1]s;
    ssl_certificate %[1]s/certificate;
    ssl_certificate_key %[1]s/key;
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_session_cache shared:tls:1m;
    output_buffers 2 256k;
    open_file_cache max=10;
%[4]s}
`, dir, workers, maxConnections(), listen.String())
}

const originServer = `    server {
        listen 127.0.0.1:%d ssl reuseport;
        location / { return 200 %q; }
        location = /large { }
    }
`

// startH2C starts an nghttpd for each backend: nginx speaks HTTP/2 in clear text too, but takes four times the CPU.
func (b *bench) startH2C(ctx context.Context) ([]string, error) {
	dir := filepath.Join(b.dir, "origins-h2c")
	documents := filepath.Join(dir, "documents")
	if err := os.MkdirAll(documents, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(documents, "small"), []byte(smallBody), 0o644); err != nil {
		return nil, err
	}
	ports, err := freePorts(b.options.backends)
	if err != nil {
		return nil, err
	}
	for _, port := range ports {
		command := []string{"nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", documents, strconv.Itoa(port)}
		if err := b.launch(ctx, "nghttpd", dir, port, command); err != nil {
			return nil, err
		}
	}
	return addressesOf(ports), nil
}

// launch starts a server of backends, which runs until the end.
func (b *bench) launch(ctx context.Context, name, dir string, port int, command []string) error {
	p := newProxy(name, dir, port)
	if err := p.launch(command, nil); err != nil {
		return err
	}
	b.started = append(b.started, p)
	return p.await(ctx)
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

func addressesOf(ports []int) []string {
	var addresses []string
	for _, port := range ports {
		addresses = append(addresses, localAddress(port))
	}
	return addresses
}
