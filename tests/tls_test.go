package tests

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// startSecureNginx runs nginx as an origin server with TLS until the test ends. Beside the files of root it serves
// /tls, which tells how it was spoken to.
func startSecureNginx(t *testing.T, a *authority, root, more string) (addr string) {
	t.Helper()
	port := freePort(t)
	cert, key := a.files(a.leaf(nil))
	config := fmt.Sprintf(`
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 512; }
http {
	access_log off; client_max_body_size 0; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen 127.0.0.1:%d ssl; root %s; dav_methods PUT; create_full_put_path on;
		ssl_certificate %s; ssl_certificate_key %s; %s
		location = /who { return 200 nginx; }
		location = /tls { return 200 "$ssl_protocol $http_host $ssl_client_s_dn"; }
	}
}`, port, root, cert, key, more)
	cmd := exec.Command(need(t, "nginx"), "-p", t.TempDir(), "-c", configFile(t, config))
	if os.Geteuid() == 0 {
		cmd.Args = append(cmd.Args, "-g", "user root;") // or it could not write under the test's directory
	}
	return started(t, cmd, port)
}

// started runs a server until the test ends, and returns when it listens.
func started(t *testing.T, cmd *exec.Cmd, port int) (addr string) {
	t.Helper()
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
		t.Fatalf("%s does not listen: %s", cmd.Path, out.String())
	}
	return addr
}

// startSecureGo runs a Go server with TLS.
func startSecureGo(t *testing.T, config *tls.Config, h http.Handler) (addr string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// trusting are the flags of a balancer that trusts the authority.
func (a *authority) trusting(more ...string) []string {
	return append([]string{"--ca-file", a.file}, more...)
}

// Files pass whole through nginx with TLS 1.2 and 1.3, and nginx sees its own name.
func TestFilesThroughNginxOverTLS(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			back := startSecureNginx(t, a, t.TempDir(), "ssl_protocols "+version+";")
			_, port, _ := net.SplitHostPort(back)
			b := start(t, settings{backends: []string{"https://localhost:" + port}, args: a.trusting()})
			b.get(t, "/tls").expect(t, 200, version+" localhost:"+port+" ")
			sent := filepath.Join(t.TempDir(), "sent")
			writePattern(t, sent, 10<<20+1)
			url := "http://" + b.addr + "/file"
			if status := curl(t, "-o", "/dev/null", "-w", "%{http_code}", "-T", sent, url); status != "201" {
				t.Errorf("PUT: %s", status)
			}
			compareFiles(t, curl(t, url), sent)
		})
	}
}

// A backend whose certificate is refused costs no request, not even one that may not be sent twice: nothing was sent.
// Alone it is answered for with the reason.
func TestCertificatesAreRefusedEachForItsReason(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a, other := newAuthority(t), newAuthority(t)
	alone := &authority{t: t}
	hour := func(from, to time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
	}
	good := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}}, http.HandlerFunc(echo))
	for _, test := range []struct {
		name, want string
		cert       tls.Certificate
	}{
		{"expired", "certificate expired at 2", a.leaf(hour(-2*time.Hour, -time.Hour))},
		{"early", "certificate is not valid before 2", a.leaf(hour(time.Hour, 2*time.Hour))},
		{"wrong name", "certificate is not for 127.0.0.1", a.leaf(func(c *x509.Certificate) { c.IPAddresses = nil })},
		{"self-signed", "certificate is self-signed", alone.leaf(nil)},
		{"unknown authority", "certificate of an unknown authority", other.leaf(nil)},
	} {
		for version, number := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
			t.Run(test.name+" "+version, func(t *testing.T) {
				t.Parallel()
				var asked atomic.Int64
				bad := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{test.cert}, MaxVersion: number},
					http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
				refusedFor(t, start(t, settings{backends: []string{"https://" + bad}, args: a.trusting()}), test.want)
				b := start(t, settings{backends: []string{"https://" + bad, "https://" + good}, args: a.trusting()})
				for range 4 {
					c := b.dial(t)
					c.send(head("POST", "/", "Content-Length: 4") + "body")
					c.response("POST").expect(t, 200, "body")
				}
				if n := asked.Load(); n != 0 {
					t.Errorf("%d requests were sent to a server that is not trusted", n)
				}
			})
		}
	}
}

// refusedFor expects of a balancer whose one backend is not trusted that its answer, metric and log say so.
func refusedFor(t *testing.T, b *balancer, why string) {
	t.Helper()
	m := b.get(t, "/")
	expectReason(t, m, []string{"tls_certificate_error"})
	if status, _ := m.field("Proxy-Status"); m.status() != 502 || !strings.Contains(status, `details="`+why) {
		t.Errorf("got %v", m)
	}
	if n := b.scrape(t).sum("lb_backend_failures_total", `reason="tls_certificate_error"`); n < 1 {
		t.Errorf("%v failures are counted", n)
	}
	b.says(t, `"error":"tls_certificate_error"`)
	b.says(t, why)
}

func echo(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }

func TestInsecureIsWarnedOf(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	alone := &authority{t: t}
	back := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{alone.leaf(nil)}}, http.HandlerFunc(echo))
	b := start(t, settings{backends: []string{"https://" + back}, args: []string{"-k"}})
	b.get(t, "/").expect(t, 200, "")
	b.says(t, `"level":"warn"`)
	b.says(t, "not verified")
}

// A server that asks for a certificate gets that of --client-cert, and without it refuses by an alert.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	cert, key := a.files(a.leaf(func(c *x509.Certificate) { c.Subject.CommonName = "lb" }))
	for version, number := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		back := startSecureGo(t, &tls.Config{
			Certificates: []tls.Certificate{a.leaf(nil)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool(),
			MaxVersion: number,
		}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
		}))
		with := a.trusting("--client-cert", cert, "--client-key", key)
		start(t, settings{backends: []string{"https://" + back}, args: with}).get(t, "/").expect(t, 200, "lb")
		m := start(t, settings{backends: []string{"https://" + back}, args: a.trusting()}).get(t, "/")
		if m.status() != 502 {
			t.Errorf("TLS %s: %v", version, m)
		}
		expectReason(t, m, []string{"tls_alert_received"})
	}
}

// --tls-server-name is what is asked for and verified, whatever the address.
func TestServerName(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	named := a.leaf(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"api.internal"}, nil })
	back := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{named}},
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.TLS.ServerName) }))
	b := start(t, settings{backends: []string{"https://" + back}, args: a.trusting("--tls-server-name", "api.internal")})
	b.get(t, "/").expect(t, 200, "api.internal")
}

// New connections resume the session of earlier ones.
func TestSessionsAreResumed(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	for version, number := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		back := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}, MaxVersion: number},
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Connection", "close")
				io.WriteString(w, strconv.FormatBool(r.TLS.DidResume))
			}))
		b := start(t, settings{backends: []string{"https://" + back}, args: a.trusting()})
		b.get(t, "/").expect(t, 200, "false")
		for range 3 {
			if m := b.get(t, "/"); string(m.body) != "true" {
				t.Errorf("TLS %s: not resumed: %v", version, m)
			}
		}
	}
}

// A handshake that does not end is late as a connection that does not stand, and costs no request.
func TestHandshakeInTime(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	mute := startBackend(t, func(v *visit) { v.hold() })
	good := startBackend(t, serve(ok))
	args := []string{"--connect-timeout", "200ms"}
	b := start(t, settings{backends: []string{"https://" + mute.addr}, args: args})
	m := b.get(t, "/")
	expectReason(t, m, []string{"connection_timeout"})
	if m.status() != 504 {
		t.Errorf("got %v", m)
	}
	b = start(t, settings{backends: []string{"https://" + mute.addr, good.addr}, args: args})
	for i := range 2 {
		if m, err := b.ask(t, "POST", strconv.Itoa(i)); err != nil || m.status() != 200 {
			t.Errorf("got %v, %v", m, err)
		}
	}
}

// The rules about failing backends hold inside TLS.
func TestFailuresOverTLS(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			back := startBackend(t, serve(f.answer))
			s := impatient(back.addr)
			s.tls = true
			b := start(t, s)
			f.judge(t, b, back, "GET", "1")
			f.judge(t, b, back, "POST", "2")
		})
	}
}

// A body until the end of the connection is whole when TLS says so, and cut short when only TCP ends.
func TestBodyUntilTheEndOfTLS(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}}
	answer := func(end func(*tls.Conn)) string {
		back := startBackend(t, func(v *visit) {
			c := tls.Server(v.TCPConn, config)
			c.Read(make([]byte, 4<<10))
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nhello")
			end(c)
		})
		return "https://" + back.addr
	}
	b := start(t, settings{backends: []string{answer(func(c *tls.Conn) { c.Close() })}, args: a.trusting()})
	b.get(t, "/").expect(t, 200, "hello")
	b = start(t, settings{backends: []string{answer(func(c *tls.Conn) { c.NetConn().Close() })}, args: a.trusting()})
	m, err := b.ask(t, "GET", "1")
	expectCut(t, m, err)
}

// Probes speak TLS by the same settings as requests do.
func TestProbesOverTLS(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a, other := newAuthority(t), newAuthority(t)
	probed := make(chan string, 1)
	probe := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case probed <- r.UserAgent():
		default: // one is enough
		}
	})
	back := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}}, probe)
	bad := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{other.leaf(nil)}}, probe)
	b := start(t, settings{
		backends: []string{"https://" + back, "https://" + bad}, health: true,
		args: a.trusting("--health-interval", "50ms", "--health-fall", "2"),
	})
	select {
	case agent := <-probed:
		if !strings.HasPrefix(agent, "lb-health-check") {
			t.Errorf("User-Agent %q", agent)
		}
	case <-time.After(patience):
		t.Error("no probe")
	}
	down := `"backend":"https://` + bad + `","from":"up","to":"down",` +
		`"reason":"no success yet: probe tls_certificate_error (certificate of an unknown authority)"`
	if !eventually(func() bool { return strings.Contains(b.stdout.String(), down) }, nil) {
		t.Errorf("the log has no %s", down)
	}
	if strings.Contains(b.stdout.String(), `"backend":"https://`+back+`","from"`) {
		t.Error("a good backend changed its state")
	}
}

func TestTraces(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	a := newAuthority(t)
	back := startSecureGo(t, &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}}, http.HandlerFunc(echo))
	for _, test := range []struct {
		flags   []string
		present []string
		absent  []string
	}{
		{
			[]string{"-t"},
			[]string{"client 127.0.0.1:", " > lb ", "lb > backend https://" + back, "|GET /hello HTTP/|", "Cookie:***"},
			[]string{"tls handshake", "se=cret"},
		},
		{[]string{"-t", "--trace-secrets"}, []string{"Cookie: s"}, []string{"*"}},
		{[]string{"-t", "--trace-filter", back}, []string{"lb > backend https://"}, []string{" client "}},
		{[]string{"--tls-trace"}, []string{"tls handshake with backend https://" + back, "certificate verified"}, []string{"GET"}},
	} {
		b := start(t, settings{backends: []string{"https://" + back}, args: a.trusting(test.flags...), traced: true})
		b.get(t, "/hello", "Cookie: se=cret").expect(t, 200, "")
		shown := func(text string) func() bool {
			return func() bool { return strings.Contains(b.stderr.String(), text) }
		}
		for _, text := range test.present {
			if !eventually(shown(text), nil) {
				t.Errorf("%q shows no %q:\n%s", test.flags, text, b.stderr.String())
			}
		}
		for _, text := range test.absent {
			if shown(text)() {
				t.Errorf("%q shows %q:\n%s", test.flags, text, b.stderr.String())
			}
		}
	}
}
