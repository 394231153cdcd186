package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// serve accepts one connection and hands its TLS to fn, which has the handshake before it.
func serve(t testing.TB, config *tls.Config, fn func(*tls.Conn)) (address string) {
	t.Helper()
	return listen(t, func(raw net.Conn) { fn(tls.Server(raw, config)) })
}

// listen serves connections until the end of the test.
func listen(t testing.TB, fn func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fn(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		await(t, ended)
	})
	return l.Addr().String()
}

// dial connects a reader, which is closed at the end of the test.
func (s *site) dial(address string, config *tls.Config) *reader {
	s.t.Helper()
	r := newReader()
	to := addressOf(s.t, address)
	s.on(func() {
		var err error
		if r.conn, err = s.DialTLS(to, config, r); err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(func() { s.close(r) })
	return r
}

func TestTLSCarriesBytesBothWays(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			client, server := newAuthority(t).configs(v.version)
			client.NextProtos, server.NextProtos = []string{"h2", "http/1.1"}, []string{"http/1.1"}
			got := make(chan string, 1)
			s := newSite(t)
			r := s.dial(serve(t, server, func(c *tls.Conn) {
				b := make([]byte, len(large))
				_, _ = io.ReadFull(c, b)
				got <- string(b)
				_, _ = io.WriteString(c, large)
				_ = c.Close()
			}), client)
			await(t, r.connected)
			if protocol := r.conn.Protocol(); protocol != "http/1.1" {
				t.Errorf("protocol %q", protocol)
			}
			if err := s.send(r, large); err != nil {
				t.Fatal(err)
			}
			if await(t, got) != large {
				t.Error("the server received other bytes")
			}
			r.expect(t, large)
			if err := await(t, r.ended); err != io.EOF {
				t.Errorf("end: %v, want io.EOF", err)
			}
		})
	}
}

// Each certificate is refused for its own reason.
func TestTLSRefusesCertificates(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	expired := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}
	early := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	for _, test := range []struct {
		name string
		cert tls.Certificate
		want string
	}{
		{"expired", a.leaf(serverName, false, expired), "certificate expired at "},
		{"not yet valid", a.leaf(serverName, false, early), "certificate is not valid before "},
		{"wrong name", a.leaf("other.test", false, nil), "certificate is not for api.test"},
		{"self-signed", a.leaf(serverName, true, nil), "certificate is self-signed"},
		{"unknown authority", other.leaf(serverName, false, nil), "certificate of an unknown authority"},
	} {
		for _, v := range versions {
			t.Run(test.name+" "+v.name, func(t *testing.T) {
				client, server := a.configs(v.version)
				server.Certificates = []tls.Certificate{test.cert}
				s := newSite(t)
				r := s.dial(serve(t, server, func(c *tls.Conn) { _ = c.Handshake() }), client)
				var fault *TLSError
				err := await(t, r.broken)
				if !errors.As(err, &fault) || fault.Fault != CertificateFault || !strings.HasPrefix(fault.Text, test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
			})
		}
	}
}

func TestTLSWithoutVerification(t *testing.T) {
	a := newAuthority(t)
	client, server := a.configs(tls.VersionTLS13)
	server.Certificates = []tls.Certificate{a.leaf("other.test", true, nil)}
	client.InsecureSkipVerify = true
	s := newSite(t)
	r := s.dial(serve(t, server, func(c *tls.Conn) { _, _ = c.Write([]byte("hello")) }), client)
	await(t, r.connected)
	r.expect(t, "hello")
}

// What is no certificate's fault has a reason of its own, too.
func TestTLSFailures(t *testing.T) {
	a := newAuthority(t)
	for _, test := range []struct {
		name  string
		serve func(net.Conn)
		fault Fault
		want  string // "": TLS is not at fault
	}{
		{"clear text", say("HTTP/1.1 400 Bad Request\r\n\r\n"), ProtocolFault, "in clear text"},
		{"garbage", say(strings.Repeat("x", 100)), ProtocolFault, "does not look like a TLS"},
		{"alert", say("\x15\x03\x03\x00\x02\x02\x70"), AlertFault, "unrecognized name"},
		{"flood", flood, ProtocolFault, ""},
		{"closed", func(net.Conn) {}, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, _ := a.configs(tls.VersionTLS13)
			s := newSite(t)
			r := s.dial(listen(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 4<<10))
				test.serve(c)
			}), client)
			err := await(t, r.broken)
			var fault *TLSError
			switch {
			case test.name == "closed":
				if !errors.Is(err, ErrTruncated) {
					t.Errorf("got %v, want %v", err, ErrTruncated)
				}
			case !errors.As(err, &fault) || fault.Fault != test.fault || !strings.Contains(fault.Text, test.want):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func say(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

// flood sends a handshake message that never ends.
func flood(c net.Conn) {
	record := append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 0x4000)...)
	copy(record[5:], []byte{2, 0xff, 0xff, 0xff})
	for range 200 {
		if _, err := c.Write(record); err != nil {
			return
		}
	}
}

func TestTLSVersionsThatAreTooOld(t *testing.T) {
	client, server := newAuthority(t).configs(tls.VersionTLS11)
	s := newSite(t)
	r := s.dial(serve(t, server, func(c *tls.Conn) { _ = c.Handshake() }), client)
	var fault *TLSError
	if err := await(t, r.broken); !errors.As(err, &fault) || fault.Fault == CertificateFault {
		t.Errorf("got %v", err)
	}
}

// A server that demands a certificate tells so in the handshake of TLS 1.2, and behind it in TLS 1.3.
func TestTLSClientCertificates(t *testing.T) {
	for _, v := range versions {
		for _, given := range []bool{true, false} {
			t.Run(v.name, func(t *testing.T) {
				a := newAuthority(t)
				client, server := a.configs(v.version)
				server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, a.pool()
				if given {
					client.Certificates = []tls.Certificate{a.leaf("client.test", false, nil)}
				}
				s := newSite(t)
				r := s.dial(serve(t, server, func(c *tls.Conn) { _, _ = io.WriteString(c, "hello") }), client)
				if given {
					r.expect(t, "hello")
					return
				}
				var err error
				select {
				case err = <-r.broken:
				case err = <-r.ended:
				case <-time.After(patience):
				}
				var fault *TLSError
				if !errors.As(err, &fault) || fault.Fault != AlertFault {
					t.Errorf("got %v, want an alert", err)
				}
			})
		}
	}
}

// The end of TCP alone is not the end of the stream.
func TestTLSThatIsCutShort(t *testing.T) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			client, server := newAuthority(t).configs(v.version)
			s := newSite(t)
			r := s.dial(serve(t, server, func(c *tls.Conn) {
				_, _ = io.WriteString(c, "hel")
				_ = c.NetConn().Close()
			}), client)
			r.expect(t, "hel")
			if err := await(t, r.ended); !errors.Is(err, ErrTruncated) {
				t.Errorf("end: %v, want %v", err, ErrTruncated)
			}
		})
	}
}

func TestTLSSessionsAreResumed(t *testing.T) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			client, server := newAuthority(t).configs(v.version)
			client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			resumed := make(chan bool, 2)
			address := serve(t, server, func(c *tls.Conn) {
				_ = c.Handshake()
				resumed <- c.ConnectionState().DidResume
				_, _ = io.WriteString(c, "hello")
			})
			s := newSite(t)
			for _, want := range []bool{false, true} {
				s.dial(address, client).expect(t, "hello")
				if got := await(t, resumed); got != want {
					t.Errorf("resumed: %v, want %v", got, want)
				}
			}
		})
	}
}

// Tickets that a server sends on an idle connection are taken in and are no answer that nobody asked for.
func TestTLSTicketsOnAnIdleConnection(t *testing.T) {
	client, server := newAuthority(t).configs(tls.VersionTLS13)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	speak := make(chan struct{})
	s := newSite(t)
	r := newReader()
	r.idle = true
	address := addressOf(t, serve(t, server, func(c *tls.Conn) {
		if c.Handshake() == nil {
			<-speak
			_, _ = io.WriteString(c, "x")
		}
	}))
	s.on(func() { r.conn, _ = s.DialTLS(address, client, r) })
	defer s.close(r)
	await(t, r.connected)
	silent := func() (is bool) {
		s.on(func() { is = r.conn.Silent() })
		return is
	}
	for ticket := false; !ticket; _, ticket = client.ClientSessionCache.Get(serverName) {
		await(t, r.readable)
		if !silent() {
			t.Fatal("a ticket was taken for data")
		}
	}
	close(speak)
	await(t, r.readable)
	if silent() {
		t.Error("data was taken for a ticket")
	}
}

// What the peer does not take is queued, and arrives in order.
func TestTLSToAPeerThatReadsLate(t *testing.T) {
	client, server := newAuthority(t).configs(tls.VersionTLS13)
	text := strings.Repeat("0123456789", 1<<20)
	goOn, got := make(chan struct{}), make(chan string, 1)
	s := newSite(t)
	r := s.dial(serve(t, server, func(c *tls.Conn) {
		_ = c.Handshake()
		<-goOn
		all, _ := io.ReadAll(c)
		got <- string(all)
	}), client)
	await(t, r.connected)
	if err := s.send(r, text); err != nil {
		t.Fatal(err)
	}
	s.on(func() {
		if r.conn.Pending() == 0 {
			t.Error("nothing is queued")
		}
		r.conn.Shutdown()
	})
	close(goOn)
	await(t, r.flushed)
	if await(t, got) != text {
		t.Error("other bytes arrived")
	}
}

// A clean end reaches the peer as one.
func TestTLSCloseIsTold(t *testing.T) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			client, server := newAuthority(t).configs(v.version)
			got := make(chan error, 1)
			s := newSite(t)
			r := s.dial(serve(t, server, func(c *tls.Conn) {
				_, err := io.Copy(io.Discard, c)
				got <- err
			}), client)
			await(t, r.connected)
			s.on(func() {
				g := Gather{Buf: []byte("bye")}
				if err := r.conn.SendLast(&g); err != nil {
					t.Error(err)
				}
				r.conn.Close()
			})
			if err := await(t, got); err != nil {
				t.Errorf("the server's end: %v", err)
			}
		})
	}
}

// A connection that is given up in the middle of its handshake leaves no goroutine behind: the site waits for it.
func TestTLSGivenUpInTheHandshake(t *testing.T) {
	client, _ := newAuthority(t).configs(tls.VersionTLS13)
	hello, goOn := make(chan struct{}), make(chan struct{})
	s := newSite(t)
	r := s.dial(listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4<<10))
		close(hello)
		<-goOn
	}), client)
	await(t, hello)
	s.on(func() {
		if !r.conn.Shaking() {
			t.Error("the handshake does not run")
		}
		r.conn.Close()
	})
	close(goOn)
	s.handshakesEnd()
	s.on(func() {})
	select {
	case err := <-r.broken:
		t.Errorf("told after Close: %v", err)
	default:
	}
}
