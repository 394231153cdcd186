package tests

import (
	"crypto/tls"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// shows waits until stderr has a match for each pattern.
func (b *balancer) shows(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		match := regexp.MustCompile(pattern)
		if !eventually(func() bool { return match.MatchString(b.stderr.String()) }, b.exited) {
			t.Errorf("no %s in\n%s", pattern, b.stderr.String())
		}
	}
}

const (
	traceStamp = `(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z `
	traceDate  = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	traceDates = `valid ` + traceDate + ` to ` + traceDate + `, key ECDSA P-256, signed by ECDSA-SHA256$`
)

// Both sides of an exchange by HTTP/1.1 are shown in rows of offset, 16 bytes and text, without secrets.
func TestTraceOfPayloads(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, serve(func(v *visit, _ *message) bool {
		v.send("HTTP/1.1 200 OK\r\nSet-Cookie: id=hidden3\r\nContent-Length: 2\r\n\r\nok")
		return true
	}))
	b := start(t, settings{backends: []string{back.addr}, args: []string{"-t"}, traced: true})
	b.get(t, "/0123", "X-Request-Id: seven", "Authorization: Basic hidden1", "Cookie: a=hidden2").expect(t, 200, "ok")
	at := regexp.QuoteMeta(back.addr)
	b.shows(t,
		traceStamp+`#\d+ client 127\.0\.0\.1:\d+ > lb \d+ bytes request seven$`,
		traceStamp+`#\d+ lb > backend `+at+` at `+at+` \d+ bytes request seven$`,
		traceStamp+`#\d+ backend `+at+` at `+at+` > lb \d+ bytes`,
		traceStamp+`#\d+ lb > client 127\.0\.0\.1:\d+ \d+ bytes`,
		`(?m)^00000000  47 45 54 20 2f 30 31 32  33 20 48 54 54 50 2f 31  \|GET /0123 HTTP/1\|$`,
		`(?m)^00000010  2e 31 0d 0a .{36}  \|\.1\.\..{12}\|$`,
		`\*{8}`)
	text := regexp.MustCompile(`(?m)^[0-9a-f]{8}  .{48}  \|(.*)\|\n|^.*\n`).ReplaceAllString(b.stderr.String(), "$1")
	for _, name := range []string{"Authorization:****", "Cookie:****", "Set-Cookie:****"} {
		if !strings.Contains(text, name) {
			t.Errorf("no %q in %s", name, text)
		}
	}
	if strings.Contains(text, "hidden") {
		t.Errorf("secrets are shown: %s", text)
	}
}

// Frames of HTTP/2 are told one by one, and each handshake with all that was settled.
func TestTraceOfHTTP2AndHandshakes(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	root, _ := siteOf(t)
	cert, key := a.files(a.leaf(nil))
	port := freePort(t)
	addr := startServer(t, port, "nghttpd", "-a", "127.0.0.1", "-d", root, strconv.Itoa(port), key, cert)
	backend := "https://localhost:" + strconv.Itoa(port)
	b := start(t, settings{backends: []string{backend}, args: a.trusting("-t", "--tls-trace"), traced: true})
	b.get(t, "/small", "Cookie: hidden").expect(t, 200, "small")
	peer := "backend " + regexp.QuoteMeta(backend+" at "+addr)
	b.shows(t,
		traceStamp+`tls handshake with `+peer+`: done in [\d.]+(µs|ms|s)$`,
		`(?m)^  server name "localhost", TLS 1\.3, TLS_\w+, group \w+, ALPN h2, full handshake$`,
		`(?m)^  certificate verified, 1 chains to a trusted root$`,
		`(?m)^  0: subject "CN=a server", names \["localhost" "127\.0\.0\.1"\], issuer "CN=an authority", `+traceDates,
		traceStamp+`#\d+ lb > `+peer+` \d+ bytes\n  connection preface\n  frame SETTINGS, stream 0, flags 0x00, \d+ bytes$`,
		`(?m)^  frame HEADERS, stream 1, flags 0x05, \d+ bytes$`,
		traceStamp+`#\d+ `+peer+` > lb \d+ bytes\n(  .*\n)*  frame HEADERS, stream 1, flags 0x04, \d+ bytes$`,
		`(?m)^  frame DATA, stream 1, flags 0x01, 5 bytes$`,
		traceStamp+`#\d+ `+peer+`\n  stream 1, request\n  :method: "GET"\n  :authority: "localhost:\d+"\n  :path: "/small"\n`,
		`(?m)^  cookie: \*\*\*$`,
		`(?m)^  stream 1, response\n  :status: "200"\n(  .*\n)*  content-length: "5"$`)
	if strings.Contains(b.stderr.String(), "hidden") {
		t.Errorf("secrets are shown:\n%s", b.stderr.String())
	}
	open := start(t, settings{backends: []string{backend}, args: a.trusting("-t", "--trace-secrets"), traced: true})
	open.get(t, "/small", "Cookie: hidden").expect(t, 200, "small")
	open.shows(t, `(?m)^  cookie: "hidden"$`)
}

// A backend whose certificate is refused never gets further than a probe: its handshake says why, too.
func TestTraceOfAProbesHandshake(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a, other := newAuthority(t), newAuthority(t)
	back := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{other.leaf(nil)}}, http.HandlerFunc(echo))
	b := start(t, settings{
		backends: []string{"https://" + back}, args: a.trusting("--tls-trace"), traced: true, health: true,
	})
	b.shows(t,
		traceStamp+`tls handshake with backend https://`+regexp.QuoteMeta(back+" at "+back)+
			` for a probe: failed after [\d.]+(µs|ms|s): certificate of an unknown authority$`,
		`(?m)^  server name "127\.0\.0\.1", offered \["h2" "http/1\.1"\]$`,
		`(?m)^  certificate refused$`,
		`(?m)^  0: subject "CN=a server".*`+traceDates)
}

// Each version says so, and that later handshakes resume the session of the first one.
func TestTraceOfResumedHandshakes(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	for name, number := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		back := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}, MaxVersion: number},
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }))
		b := start(t, settings{backends: []string{"https://" + back}, args: a.trusting("--tls-trace"), traced: true})
		settled := `(?m)^  server name "", TLS ` + regexp.QuoteMeta(name) + `, TLS_\w+, group \w+, ALPN \S+, `
		for _, kind := range []string{"full handshake$", "resumed$"} {
			b.get(t, "/").expect(t, 200, "")
			b.shows(t, settled+kind)
		}
	}
}

// Why a handshake fails is told in words, whoever ended it.
func TestTraceOfFailedHandshakes(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	secure := func(change func(*tls.Config)) string {
		c := &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}}
		change(c)
		return startSecureGo(t, c, http.NotFoundHandler())
	}
	plain := startBackend(t, func(v *visit) { v.send("HTTP/1.1 400 Bad Request\r\n\r\n") })
	for _, test := range []struct{ name, backend, why string }{
		{"no TLS", plain.addr, "the answer is HTTP in clear text, not TLS"},
		{
			"too old", secure(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }),
			"alert received: protocol version not supported",
		},
		{
			"no certificate of the client",
			secure(func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }),
			"alert received: handshake failure",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, settings{
				backends: []string{"https://" + test.backend}, args: a.trusting("--tls-trace"), traced: true,
			})
			if m := b.get(t, "/"); m.status() != 502 {
				t.Errorf("got %v", m)
			}
			b.shows(t, traceStamp+`tls handshake with backend .*: failed after [\d.]+(µs|ms|s): `+test.why+`$`)
		})
	}
}
