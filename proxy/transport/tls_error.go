package transport

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Fault is what kind of thing was wrong with TLS.
type Fault uint8

const (
	// ProtocolFault: what the peer sent is no TLS, or none that both sides speak.
	ProtocolFault Fault = iota
	// CertificateFault: the peer's certificate is not accepted.
	CertificateFault
	// AlertFault: the peer refused, and said why by an alert (RFC 8446 §6.2).
	AlertFault
)

// TLSError is a failure of TLS. Its text is fit for a Proxy-Status field: printable ASCII without quotes and
// backslashes.
type TLSError struct {
	Fault Fault
	Text  string
	// Err is what crypto/tls said.
	Err error
}

// Error returns the text.
func (e *TLSError) Error() string { return e.Text }

// Unwrap returns what crypto/tls said.
func (e *TLSError) Unwrap() error { return e.Err }

// NewTLSError makes an error of crypto/tls speak plainly; nil where TLS is not at fault.
func NewTLSError(err error) *TLSError {
	var (
		unverified *tls.CertificateVerificationError
		record     tls.RecordHeaderError
		operation  *net.OpError
	)
	switch {
	case errors.As(err, &unverified):
		return &TLSError{CertificateFault, certificateText(unverified.Err), err}
	case errors.As(err, &record):
		return &TLSError{ProtocolFault, recordText(record), err}
	case errors.As(err, &operation) && operation.Op == "remote error":
		return &TLSError{AlertFault, "alert received: " + plain(operation.Err.Error()), err}
	case errors.As(err, &operation) && operation.Op == "local error":
		return &TLSError{ProtocolFault, "refused: " + plain(operation.Err.Error()), err}
	case err == io.EOF, errors.Is(err, net.ErrClosed), errors.As(err, new(syscall.Errno)), errors.Is(err, ErrTruncated):
		return nil
	}
	return &TLSError{ProtocolFault, plain(err.Error()), err}
}

// tlsError is what the user of a connection is told.
func tlsError(err error) error {
	if e := NewTLSError(err); e != nil {
		return e
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}

// certificateText says why a certificate was refused. Names in it are the peer's, and kept out.
func certificateText(err error) string {
	var (
		invalid   x509.CertificateInvalidError
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return validityText(invalid.Cert, time.Now())
	case errors.As(err, &name):
		return "certificate is not for " + plain(name.Host)
	case errors.As(err, &authority) && selfSigned(authority.Cert):
		return "certificate is self-signed"
	case errors.As(err, &authority):
		return "certificate of an unknown authority"
	}
	return plain(err.Error())
}

func validityText(c *x509.Certificate, now time.Time) string {
	if now.Before(c.NotBefore) {
		return "certificate is not valid before " + c.NotBefore.UTC().Format(time.RFC3339)
	}
	return "certificate expired at " + c.NotAfter.UTC().Format(time.RFC3339)
}

func selfSigned(c *x509.Certificate) bool {
	return c != nil && bytes.Equal(c.RawIssuer, c.RawSubject) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// recordText recognises the usual mistake: a server that speaks clear text.
func recordText(r tls.RecordHeaderError) string {
	if bytes.HasPrefix(r.RecordHeader[:], []byte("HTTP/")) {
		return "the answer is HTTP in clear text, not TLS"
	}
	return plain(r.Msg)
}

// maxText bounds what is passed on of an error's text, in bytes.
const maxText = 120

// plain makes a text fit for a quoted string (RFC 8941 §3.3.3).
func plain(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "tls: "), "x509: ")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s)
	return s[:min(len(s), maxText)]
}
