package transport

import (
	"crypto/tls"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// shown is what a tracer has shown.
type shown struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *shown) write(entry []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(entry)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Secrets are hidden wherever the stream is cut, and what is no secret is not.
func TestRedactAtEverySplit(t *testing.T) {
	const text = "GET / HTTP/1.1\r\nauthorization: Basic abc\r\nX-Request-ID: id-7\r\nCookie: a=b; c=d\r\n" +
		"Authorizations: x\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie:s=1\r\n  folded\r\nPROXY-AUTHORIZATION: z\r\nA: cookie: no\r\n\r\nbody"
	want := strings.NewReplacer(" Basic abc", "**********", " a=b; c=d", "*********", "s=1\r\n  folded", "***\r\n *******",
		": z", ":**").Replace(text)
	for cut := range len(text) {
		var r redactor
		var id []byte
		b := []byte(text)
		r.redact(b[:cut], false, &id)
		r.redact(b[cut:], false, &id)
		if string(b) != want || string(id) != "id-7" {
			t.Fatalf("cut at %d: %q, id %q\nwant %q", cut, b, id, want)
		}
	}
	var r redactor
	var id []byte
	b := []byte(text)
	if r.redact(b, true, &id); string(b) != text {
		t.Errorf("secrets that may be seen are hidden: %q", b)
	}
}

func TestFramesAreToldAndFieldsHidden(t *testing.T) {
	headers := "\x00\x00\x04\x01\x05\x00\x00\x00\x01abcd"
	text := preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + headers + "\x00\x00\x02\x00\x01\x80\x00\x00\x01hi"
	want := "  connection preface\n  frame SETTINGS, stream 0, flags 0x00, 0 bytes\n" +
		"  frame HEADERS, stream 1, flags 0x05, 4 bytes\n  frame DATA, stream 1, flags 0x01, 2 bytes\n"
	for cut := len(preface); cut < len(text); cut++ {
		var f frameReader
		b := []byte(text)
		lines := string(f.read(b[:cut], false)) + string(f.read(b[cut:], false))
		if lines != want || string(b) != strings.Replace(text, "abcd", "****", 1) {
			t.Fatalf("cut at %d: %q\n%s", cut, b, lines)
		}
	}
}

// Both sides of a connection are shown as they are inside TLS, with the handshake.
func TestTraceOfTLS(t *testing.T) {
	client, server := newAuthority(t).configs(tls.VersionTLS13)
	var out shown
	s := newSite(t)
	s.Tracer = &Tracer{Payloads: true, Handshakes: true, Filter: "127.0.0", Write: out.write}
	address := serve(t, server, func(c *tls.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 40))
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nSet-Cookie: s\r\n\r\n")
	})
	r := newReader()
	s.on(func() {
		r.conn, _ = s.DialTLS(addressOf(t, address), client, r)
		r.conn.ShowAs("https://api.test", addressOf(t, address))
	})
	defer s.close(r)
	await(t, r.connected)
	if err := s.send(r, "GET / HTTP/1.1\r\nCookie: abc\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	await(t, r.ended)
	s.on(func() { r.conn.Note("one line\nand another") })
	for _, want := range []string{
		"tls handshake with backend https://api.test at " + address + ": done in ", `server name "api.test", TLS 1.3, TLS_`,
		"group X25519MLKEM768, ALPN none, full handshake\n", "certificate verified, 1 chains",
		`0: subject "CN=api.test", names ["api.test" "127.0.0.1"], issuer "CN=an authority", valid 2`, "key ECDSA P-256",
		" #1 lb > backend https://api.test at " + address + " 40 bytes\n",
		"00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n", "|Cookie:****..Hos|",
		" #1 backend https://api.test at " + address + " > lb ", "|kie:**....|",
		"\n  one line\n  and another\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestTraceOfAHandshakeThatFails(t *testing.T) {
	a := newAuthority(t)
	client, server := a.configs(tls.VersionTLS13)
	server.Certificates = []tls.Certificate{a.leaf("other.test", false, nil)}
	var out shown
	s := newSite(t)
	s.Tracer = &Tracer{Handshakes: true, Write: out.write}
	address := serve(t, server, func(c *tls.Conn) { _ = c.Handshake() })
	r := newReader()
	s.on(func() {
		r.conn, _ = s.DialTLS(addressOf(t, address), client, r)
		r.conn.ShowAs("https://api.test", addressOf(t, address))
	})
	defer s.close(r)
	await(t, r.broken)
	for _, want := range []string{
		": failed after ", ": certificate is not for api.test\n", "  certificate refused\n", `names ["other.test"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown:\n%s", want, out.String())
		}
	}
}

func TestTraceFilter(t *testing.T) {
	tracer := &Tracer{Payloads: true, Filter: "api"}
	for _, test := range []struct {
		backend, peer string
		want          bool
	}{{"https://api.test", "192.0.2.1:443", true}, {"web:80", "192.0.2.1:443", false}, {"", "192.0.2.1:5", false}} {
		c := &Conn{net: &Network{Tracer: tracer}}
		c.ShowAs(test.backend, netip.MustParseAddrPort(test.peer))
		if shown, _ := c.Shown(); shown != test.want {
			t.Errorf("%+v: shown %v", test, shown)
		}
	}
}
