package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Servers that others wrote, each by the four ways that lb speaks to backends. nginx, nghttpd and Go's have tests of
// their own beside the behaviour that they show best.

// dialect is how a backend is spoken to.
type dialect struct {
	name, scheme, proto string
	tls, h2             bool
}

var dialects = []dialect{
	{name: "HTTP1", scheme: "http", proto: "HTTP/1.1"},
	{name: "HTTP1 over TLS", scheme: "https", proto: "HTTP/1.1", tls: true},
	{name: "h2c", scheme: "h2c", proto: "HTTP/2.0", h2: true},
	{name: "h2 over TLS", scheme: "https", proto: "HTTP/2.0", tls: true, h2: true},
}

// origins start a server that serves the files of root, echoes what is posted to /echo, and tells in X-Protocol by
// which version it was spoken to. One of HTTP/2 over TLS offers both versions.
var origins = []struct {
	name  string
	start func(t *testing.T, d dialect, s *site)
}{{"Caddy", startCaddy}, {"Apache", startApache}, {"Node", startNode}}

// site is what an origin is to serve, and where.
type site struct {
	root, cert, key string
	port            int
}

func TestServersOfOthers(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, origin := range origins {
		for _, d := range dialects {
			t.Run(origin.name+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				a := newAuthority(t)
				root, large := siteOf(t)
				s := &site{root: root, port: freePort(t)}
				s.cert, s.key = a.files(a.leaf(nil))
				origin.start(t, d, s)
				backend := fmt.Sprintf("%s://localhost:%d", d.scheme, s.port)
				b := start(t, settings{backends: []string{backend}, args: a.trusting()})
				d.exchange(t, b.dial(t), string(large))
				d.crowd(t, b)
			})
		}
	}
}

// exchange has each kind of message pass on one connection.
func (d dialect) exchange(t *testing.T, c *client, large string) {
	t.Helper()
	body := large[:1<<20]
	for range 3 {
		d.expect(t, c.roundTrip("GET", "/small"), "small")
		d.expect(t, c.roundTrip("GET", "/large"), large)
		m := c.roundTrip("HEAD", "/large")
		d.expect(t, m, "")
		if n, _ := m.field("Content-Length"); n != strconv.Itoa(len(large)) {
			t.Errorf("HEAD: Content-Length %q, want %d", n, len(large))
		}
		c.send(head("POST", "/echo", "Content-Length: "+strconv.Itoa(len(body))) + body)
		d.expect(t, c.response("POST"), body)
		c.send(head("POST", "/echo", "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body))
		d.expect(t, c.response("POST"), body)
		if m := c.roundTrip("GET", "/none"); m.status() != 404 {
			t.Errorf("got %d, want 404", m.status())
		}
	}
}

func (d dialect) crowd(t *testing.T, b *balancer) {
	t.Helper()
	const clients = 50
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() {
			c, body := b.dial(t), strings.Repeat(strconv.Itoa(i), 1000)
			d.expect(t, c.roundTrip("GET", "/small"), "small")
			c.send(head("POST", "/echo", "Content-Length: "+strconv.Itoa(len(body))) + body)
			d.expect(t, c.response("POST"), body)
		})
	}
	running.Wait()
}

// expect leaves bodies out of what it says: they are large.
func (d dialect) expect(t *testing.T, m *message, body string) {
	t.Helper()
	if proto, _ := m.field("X-Protocol"); m.status() != 200 || proto != d.proto {
		t.Errorf("got %s by %q, want 200 by %s: %q", m.start, proto, d.proto, m.fields)
	}
	if string(m.body) != body {
		t.Errorf("the body of %d bytes is not that of %d bytes which was sent", len(m.body), len(body))
	}
}

func startCaddy(t *testing.T, d dialect, s *site) {
	address, protocols, secrets := "http://:"+strconv.Itoa(s.port), "h1 h2c", ""
	if d.tls {
		address, protocols = "https://:"+strconv.Itoa(s.port), "h1 h2"
		secrets = fmt.Sprintf("tls %s %s", s.cert, s.key)
	}
	if !d.h2 {
		protocols = "h1"
	}
	dir := t.TempDir()
	cmd := exec.Command(need(t, "caddy"), "run", "--adapter", "caddyfile", "--config", configFile(t, fmt.Sprintf(`{
	admin off
	auto_https off
	default_bind 127.0.0.1
	storage file_system %s
	servers {
		protocols %s
	}
}
%s {
	%s
	root * %s
	header X-Protocol {http.request.proto}
	respond /echo "{http.request.body}"
	file_server
}
`, dir, protocols, address, secrets, s.root)))
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	started(t, cmd, s.port)
}

// echoScript takes the whole body first: Apache reads no answer before.
const echoScript = `#!/bin/sh
file=$(mktemp)
trap 'rm "$file"' EXIT
cat >"$file"
printf 'Content-Type: text/plain\n\n'
cat "$file"
`

// apacheModules is where Debian's packages have them.
const apacheModules = "/usr/lib/apache2/modules"

func startApache(t *testing.T, d dialect, s *site) {
	program := need(t, "apache2")
	protocols, secrets := "http/1.1", ""
	if d.h2 {
		protocols = "h2 h2c http/1.1"
	}
	if d.tls {
		secrets = fmt.Sprintf("SSLEngine on\nSSLCertificateFile %s\nSSLCertificateKeyFile %s", s.cert, s.key)
	}
	readable(t, s.root)
	dir := t.TempDir()
	echo := filepath.Join(dir, "echo")
	if err := os.WriteFile(echo, []byte(echoScript), 0o755); err != nil {
		t.Fatal(err)
	}
	readable(t, echo)
	var load strings.Builder
	for _, name := range strings.Fields("mpm_event authz_core headers http2 ssl alias cgi") {
		fmt.Fprintf(&load, "LoadModule %s_module %s/mod_%s.so\n", name, apacheModules, name)
	}
	// One process; as root it would not serve files, so it becomes nobody.
	started(t, exec.Command(program, "-X", "-f", configFile(t, fmt.Sprintf(`
ServerRoot %s
%s
User nobody
Group nogroup
Listen 127.0.0.1:%d
ServerName localhost
PidFile %s/pid
ErrorLog /dev/stderr
LogLevel crit
ThreadsPerChild 64
DocumentRoot %s
Protocols %s
Header always set X-Protocol "expr=%%{SERVER_PROTOCOL}"
ScriptAlias /echo %s
%s
`, dir, load.String(), s.port, dir, s.root, protocols, echo, secrets))), s.port)
}

// readable has all users read what is under a path of this test.
func readable(t *testing.T, path string) {
	t.Helper()
	err := filepath.WalkDir(path, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	top := filepath.Clean(os.TempDir())
	for dir := filepath.Dir(path); err == nil && dir != top && dir != "/"; dir = filepath.Dir(dir) {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// nodeServer is a program: scheme, port, root, certificate and key are its arguments.
const nodeServer = `
const [how, port, root, cert, key] = process.argv.slice(2);
const fs = require('fs'), path = require('path');
const http = require('http'), https = require('https'), http2 = require('http2');
const options = {allowHTTP1: true, cert: fs.readFileSync(cert), key: fs.readFileSync(key)};
const create = {
	'HTTP1': h => http.createServer(h), 'HTTP1 over TLS': h => https.createServer(options, h),
	'h2c': h => http2.createServer(h), 'h2 over TLS': h => http2.createSecureServer(options, h),
}[how];
create((request, response) => {
	response.setHeader('X-Protocol', 'HTTP/' + request.httpVersion);
	if (request.url === '/echo') {
		request.pipe(response);
		return;
	}
	const file = path.join(root, path.basename(request.url));
	fs.stat(file, (error, stat) => {
		response.statusCode = error ? 404 : 200;
		if (!error) response.setHeader('Content-Length', stat.size);
		if (error || request.method === 'HEAD') response.end();
		else fs.createReadStream(file).pipe(response);
	});
}).listen(Number(port), '127.0.0.1');
`

func startNode(t *testing.T, d dialect, s *site) {
	cmd := exec.Command(need(t, "node"), configFile(t, nodeServer), d.name, strconv.Itoa(s.port), s.root, s.cert, s.key)
	started(t, cmd, s.port)
}
