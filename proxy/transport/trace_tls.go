package transport

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// startHandshake is the time at which a handshake begins, if it is to be shown.
func (t *Tracer) startHandshake() time.Time {
	if t == nil || !t.Handshakes {
		return time.Time{}
	}
	return time.Now()
}

// handshake shows how a handshake ended. It runs on the handshake's goroutine.
func (t *Tracer) handshake(s *secure, began time.Time, err error) {
	if began.IsZero() || s.name == "" {
		return
	}
	t.showHandshake(s.name, Handshake{Conn: s.tls, Config: s.config, Began: began, Err: err})
}

// Handshake is one that was carried out elsewhere, such as by a probe, and is over.
type Handshake struct {
	Backend string // as it is written in the configuration
	Conn    *tls.Conn
	Config  *tls.Config
	Began   time.Time
	Err     error // nil: it was done
}

// ShowProbe shows the handshake of a probe, if those with the backend are shown. A nil Tracer shows none.
func (t *Tracer) ShowProbe(h Handshake) {
	if t == nil || !t.Handshakes {
		return
	}
	if peer := h.Conn.RemoteAddr().String(); t.wants(h.Backend, peer) {
		t.showHandshake("backend "+h.Backend+" at "+peer+" for a probe", h)
	}
}

// showHandshake shows all that is known. The signature scheme is not among what crypto/tls tells; the key and the
// signature of each certificate are shown instead.
func (t *Tracer) showHandshake(name string, h Handshake) {
	now := time.Now()
	state := h.Conn.ConnectionState()
	var b strings.Builder
	fmt.Fprintf(&b, "%s tls handshake with %s: ", now.UTC().Format(traceTime), name)
	if h.Err != nil {
		fmt.Fprintf(&b, "failed after %v: %v\n", now.Sub(h.Began), tlsError(h.Err))
		fmt.Fprintf(&b, "  server name %q, offered %q\n", h.Config.ServerName, h.Config.NextProtos)
	} else {
		fmt.Fprintf(&b, "done in %v\n", now.Sub(h.Began))
		b.WriteString(settled(&state))
	}
	b.WriteString(verification(&state, h.Config, h.Err))
	for i, c := range chain(&state, h.Err) {
		b.WriteString(certificateLine(i, c))
	}
	t.Write([]byte(b.String()))
}

func settled(s *tls.ConnectionState) string {
	resumed, protocol, group := "full handshake", s.NegotiatedProtocol, "no key exchange"
	if s.DidResume {
		resumed = "resumed"
	}
	if protocol == "" {
		protocol = "none"
	}
	if s.CurveID != 0 {
		group = s.CurveID.String()
	}
	return fmt.Sprintf("  server name %q, %s, %s, group %s, ALPN %s, %s\n", s.ServerName, tls.VersionName(s.Version),
		tls.CipherSuiteName(s.CipherSuite), group, protocol, resumed)
}

func verification(s *tls.ConnectionState, c *tls.Config, err error) string {
	var refused *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		return "  certificate refused\n"
	case err != nil:
		return ""
	case c.InsecureSkipVerify:
		return "  certificate not verified: verification is switched off\n"
	}
	return fmt.Sprintf("  certificate verified, %d chains to a trusted root\n", len(s.VerifiedChains))
}

// chain is what the peer has sent.
func chain(s *tls.ConnectionState, err error) []*x509.Certificate {
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) {
		return refused.UnverifiedCertificates
	}
	return s.PeerCertificates
}

// certificateLine quotes names: they are the peer's.
func certificateLine(i int, c *x509.Certificate) string {
	var names []string
	names = append(names, c.DNSNames...)
	for _, address := range c.IPAddresses {
		names = append(names, address.String())
	}
	return fmt.Sprintf("  %d: subject %q, names %q, issuer %q, valid %s to %s, key %s, signed by %v\n", i, c.Subject.String(),
		names, c.Issuer.String(), c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339), keyText(c),
		c.SignatureAlgorithm)
}

func keyText(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}
