package actors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"

	"lb/actors/health"
	"lb/messages"
)

// Bounds of what a probe takes from a backend.
const (
	maxProbeHead = 64 << 10
	maxProbeBody = 64 << 10 // read for the sake of a clean end; what it says does not count
)

// checkBackend connects to a backend and, unless only that is wanted, sends a GET request on that connection.
func checkBackend(ctx context.Context, t target) (health.Probe, bool) {
	conn, err := dialAny(ctx, t.addresses)
	if err != nil {
		return failed(err, messages.ConnectionTimeout)
	}
	defer conn.Close()
	if t.health.Type == messages.HealthTCP {
		return health.Probe{}, true
	}
	status, err := fetch(ctx, conn, t)
	if err != nil {
		return failed(err, messages.HTTPResponseTimeout)
	}
	return health.Probe{Status: status}, true
}

// dialAny connects to the first address that lets it, as a request would. Each has an equal part of the time.
func dialAny(ctx context.Context, addresses []netip.AddrPort) (conn net.Conn, err error) {
	deadline, _ := ctx.Deadline()
	for i, a := range addresses {
		part := time.Until(deadline) / time.Duration(len(addresses)-i)
		if conn, err = (&net.Dialer{Timeout: part}).DialContext(ctx, "tcp", a.String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// fetch sends the request of a probe and returns the status of the answer.
func fetch(ctx context.Context, conn net.Conn, t target) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.backend.Address()+t.health.Path, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("User-Agent", "lb-health-check")
	transport := transportOn(conn, t.backend)
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxProbeBody) // the head has told all
	return response.StatusCode, nil
}

// transportOn sends one request on a connection: no proxy, no redirect, no other connection.
func transportOn(conn net.Conn, b messages.Backend) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(b.Scheme != messages.H2C)
	protocols.SetUnencryptedHTTP2(b.Scheme == messages.H2C)
	return &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if b.Scheme == messages.HTTPS {
				return tls.Client(conn, &tls.Config{ServerName: b.Host}), nil
			}
			return conn, nil
		},
		Protocols: protocols, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxProbeHead,
	}
}

// failed names the reason of a failure; late is that of one that took too long. What this side lacks tells nothing of the
// backend.
func failed(err error, late messages.Reason) (p health.Probe, counts bool) {
	for _, own := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, own) {
			return health.Probe{}, false
		}
	}
	return health.Probe{Reason: reasonOf(err, late)}, true
}

func reasonOf(err error, late messages.Reason) messages.Reason {
	var (
		timeout     net.Error
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		alert       tls.AlertError
		record      tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return late
	case errors.Is(err, syscall.ECONNREFUSED):
		return messages.ConnectionRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EACCES):
		return messages.DestinationUnroutable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return messages.ConnectionTerminated
	case errors.As(err, &certificate), errors.As(err, &authority):
		return messages.TLSCertificateError
	case errors.As(err, &alert):
		return messages.TLSAlertReceived
	case errors.As(err, &record):
		return messages.TLSProtocolError
	}
	return messages.HTTPProtocolError
}
