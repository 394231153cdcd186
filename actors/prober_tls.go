package actors

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"lb/proxy"
)

// tlsFailure is the error of a handshake.
type tlsFailure struct{ cause error }

func (f tlsFailure) Error() string { return "TLS: " + f.cause.Error() }
func (f tlsFailure) Unwrap() error { return f.cause }

// securely speaks TLS on a connection, by what requests to the backend go by. Each probe has a handshake of its own, so
// that a certificate that has expired is noticed.
func securely(ctx context.Context, conn net.Conn, t target) (*tls.Conn, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.tls != nil {
		c = t.tls.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = t.backend.Host
	}
	c.NextProtos = []string{"h2", "http/1.1"}
	secure, began := tls.Client(conn, c), time.Now()
	err := secure.HandshakeContext(ctx)
	t.tracer.ShowProbe(proxy.Handshake{Backend: t.backend.ID(), Conn: secure, Config: c, Began: began, Err: err})
	if err != nil {
		return nil, tlsFailure{err}
	}
	return secure, nil
}

func speaksH2(c *tls.Conn) bool { return c.ConnectionState().NegotiatedProtocol == "h2" }
