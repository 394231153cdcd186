package upstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"syscall"

	"lb/messages"
	"lb/proxy/transport"
)

// offered to backends by ALPN (RFC 7301), the best first.
var offered = []string{"h2", "http/1.1"}

// sessions is how many of a backend a worker keeps for resumption. Those of all addresses of a name are one.
const sessions = 4

var errHandshakeLate = fmt.Errorf("the TLS handshake: %w", syscall.ETIMEDOUT)

// secure makes the backend be spoken to by TLS, by what all backends have in common: nil for defaults. Idle connections
// that were made by something else are closed: what they trust may not be trusted any more.
func (b *Backend) secure(host string, common *tls.Config) {
	if b.tls != nil && b.common == common {
		return
	}
	if b.tls != nil {
		b.closeIdle()
		b.partSessions(func(s *session) bool { return s.stage >= open })
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if common != nil {
		c = common.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	c.DynamicRecordSizingDisabled = true // small records serve browsers, and cost more than they bring between servers
	c.ClientSessionCache = tls.NewLRUClientSessionCache(sessions)
	b.common, b.tls, b.plain = common, c, c.Clone()
	b.tls.NextProtos, b.plain.NextProtos = offered, offered[1:]
}

// connect begins to connect. Only a session can go on with whatever the backend chooses.
func (l *line) connect(u transport.User) (tcp *transport.Conn, err error) {
	b := l.backend
	l.tls = b.plain
	if _, any := u.(*session); any {
		l.tls = b.tls
	}
	if l.tls != nil {
		tcp, err = b.pool.Net.DialTLS(l.peer, l.tls, u)
	} else {
		tcp, err = b.pool.Net.Dial(l.peer, u)
	}
	if err == nil {
		tcp.ShowAs(b.ID, l.peer)
	}
	return tcp, err
}

// late is what took too long to connect.
func (l *line) late() error {
	if l.tcp.Shaking() {
		return errHandshakeLate
	}
	return syscall.ETIMEDOUT
}

// lossOf names what ended a connection; otherwise, where it was not TLS.
func lossOf(err error, otherwise messages.Reason) messages.Reason {
	var fault *transport.TLSError
	if !errors.As(err, &fault) {
		return otherwise
	}
	switch fault.Fault {
	case transport.CertificateFault:
		return messages.TLSCertificateError
	case transport.AlertFault:
		return messages.TLSAlertReceived
	case transport.ProtocolFault:
	}
	return messages.TLSProtocolError
}
