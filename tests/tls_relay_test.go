package tests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// authority issues certificates. Its file and those of the certificates lie in the test's directory.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	pair := a.issue(template)
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	a.cert, a.key = cert, pair.PrivateKey.(*ecdsa.PrivateKey)
	a.file, _ = a.files(pair)
	return a
}

// leaf is a certificate for localhost and 127.0.0.1, unless changed.
func (a *authority) leaf(change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a server"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	return a.issue(template)
}

// issue signs a certificate; by itself as long as the authority has no key.
func (a *authority) issue(template *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, by := a.cert, a.key
	if by == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// files writes a certificate and its key as PEM.
func (a *authority) files(pair tls.Certificate) (cert, key string) {
	a.t.Helper()
	dir := a.t.TempDir()
	der, err := x509.MarshalECPrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		a.t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "EC PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return cert, key
}

// pool trusts the authority.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// clearOnly are tests that are not run through relays, because they know backends by their addresses or their
// processes.
var clearOnly = []string{
	"TestWire/rfc9112-9-connection", "TestTCPProbes", "TestAllBackends", "TestFailover", "TestCtl",
	"TestAdminShowsStatusAndTree",
	"TestSlowBackends", "TestRequestsGoOnWithoutTheControlPlane", "TestWorkersOutliveTheirSupervisor",
	"TestClientsNoticeNothingOfProcessesThatComeAndGo", "TestSticky", "TestMetrics", "TestHashKeepsItsPromise",
	"TestTraceOfPayloads",
}

// secured are the settings of a balancer that reaches the same backends by TLS.
func (s settings) secured(t *testing.T) settings {
	t.Helper()
	if slices.ContainsFunc(clearOnly, func(name string) bool { return strings.HasPrefix(t.Name(), name) }) {
		t.Skip("knows its backends by their addresses")
	}
	if !slices.ContainsFunc(s.backends, isClear) {
		return s
	}
	a := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{a.leaf(nil)}, NextProtos: []string{"http/1.1"}}
	backends := s.backends
	s.backends = nil
	for _, b := range backends {
		address, attributes, _ := strings.Cut(b, ",")
		if attributes != "" {
			attributes = "," + attributes
		}
		if isClear(b) {
			address = "https://" + startTLSRelay(t, address, config)
		}
		s.backends = append(s.backends, address+attributes)
	}
	s.args = append([]string{"--ca-file", a.file, "--host-header", "preserve"}, s.args...)
	return s
}

func isClear(backend string) bool { return !strings.Contains(backend, "://") }

// startTLSRelay runs a server that speaks TLS and passes on what is inside to a backend: bytes, ends and resets.
func startTLSRelay(t *testing.T, backend string, config *tls.Config) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &tlsRelay{backend: backend, config: config, open: map[*net.TCPConn]bool{}}
	r.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.running.Go(func() { r.pass(conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.closeAll()
		r.running.Wait()
	})
	return l.Addr().String()
}

type tlsRelay struct {
	backend string
	config  *tls.Config
	running sync.WaitGroup

	mu    sync.Mutex
	open  map[*net.TCPConn]bool
	ended bool
}

// hold notes a connection that the end of the test closes; false: it has come.
func (r *tlsRelay) hold(c *net.TCPConn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[c] = true
	return !r.ended
}

func (r *tlsRelay) drop(c *net.TCPConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c)
	c.Close()
}

func (r *tlsRelay) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for c := range r.open {
		c.Close()
	}
}

func (r *tlsRelay) pass(outer *net.TCPConn) {
	defer r.drop(outer)
	conn, err := net.Dial("tcp", r.backend)
	if err != nil {
		outer.SetLinger(0)
		return
	}
	inner := conn.(*net.TCPConn)
	defer r.drop(inner)
	secure := tls.Server(outer, r.config)
	if !r.hold(outer) || !r.hold(inner) || secure.Handshake() != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { forward(inner, secure, inner, outer, inner.CloseWrite) })
	forward(secure, inner, outer, inner, func() error { return errors.Join(secure.CloseWrite(), outer.CloseWrite()) })
	both.Wait()
}

// forward copies one direction to its end. A reset of either side is one of both.
func forward(to io.Writer, from io.Reader, toTCP, fromTCP *net.TCPConn, end func() error) {
	if _, err := io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from}); err == nil || !isReset(err) {
		end()
		return
	}
	for _, c := range []*net.TCPConn{toTCP, fromTCP} {
		c.SetLinger(0)
		c.Close()
	}
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
