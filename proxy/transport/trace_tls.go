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

// handshake shows how a handshake ended. It runs on the handshake's goroutine. The signature scheme is not among what
// crypto/tls tells; the key and the signature of each certificate are shown instead.
func (t *Tracer) handshake(s *secure, began time.Time, err error) {
	if began.IsZero() || s.name == "" {
		return
	}
	now := time.Now()
	state := s.tls.ConnectionState()
	var b strings.Builder
	fmt.Fprintf(&b, "%s tls handshake with %s: ", now.UTC().Format(traceTime), s.name)
	if err != nil {
		fmt.Fprintf(&b, "failed after %v: %v\n", now.Sub(began), tlsError(err))
		fmt.Fprintf(&b, "  server name %q, offered %q\n", s.config.ServerName, s.config.NextProtos)
	} else {
		fmt.Fprintf(&b, "done in %v\n", now.Sub(began))
		b.WriteString(settled(&state))
	}
	b.WriteString(verification(&state, s.config, err))
	for i, c := range chain(&state, err) {
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
