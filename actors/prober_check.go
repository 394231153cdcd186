package actors

import (
	"bufio"
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
	"lb/proxy"
)

// maxProbeAnswer bounds what a probe reads, in bytes. Of a longer answer the rest is left.
const maxProbeAnswer = 64 << 10

// shown is checkBackend with handshakes that are shown.
func shown(tracer *proxy.Tracer) check {
	return func(ctx context.Context, t target) (health.Probe, bool) {
		t.tracer = tracer
		return checkBackend(ctx, t)
	}
}

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
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, urlOf(t), nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("User-Agent", "lb-health-check")
	request.Close = true
	switch t.backend.Scheme {
	case messages.H2C:
		return fetchH2(conn, request)
	case messages.HTTPS:
		secure, err := securely(ctx, conn, t)
		if err != nil {
			return 0, err
		}
		if speaksH2(secure) {
			return fetchH2(secure, request)
		}
		conn = secure
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return 0, err
	}
	return fetchH1(conn, request)
}

func urlOf(t target) string {
	scheme := "http://"
	if t.backend.Scheme == messages.HTTPS {
		scheme = "https://"
	}
	return scheme + t.backend.Authority() + t.health.Path
}

// fetchH1 costs a quarter less than by a transport of net/http, which counts when there are a thousand backends. Interim
// responses are passed over (RFC 9110 §15.2).
func fetchH1(conn net.Conn, request *http.Request) (int, error) {
	if err := request.Write(conn); err != nil {
		return 0, err
	}
	reader := bufio.NewReader(io.LimitReader(conn, maxProbeAnswer))
	for {
		response, err := http.ReadResponse(reader, request)
		if err != nil {
			return 0, err
		}
		if response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			_, _ = io.Copy(io.Discard, response.Body) // for the sake of a clean end: the head has told all
			return response.StatusCode, nil
		}
	}
}

// fetchH2 leaves the frames to a transport that has this one connection and no other.
func fetchH2(conn net.Conn, request *http.Request) (int, error) {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	dial := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	transport := &http.Transport{
		DialContext: dial, DialTLSContext: dial,
		Protocols: protocols, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxProbeAnswer,
	}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// failed names the reason of a failure; late is that of one that took too long. What this side lacks tells nothing of the
// backend.
func failed(err error, late messages.Reason) (p health.Probe, counts bool) {
	for _, own := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, own) {
			return health.Probe{}, false
		}
	}
	p.Reason = reasonOf(err, late)
	var handshake tlsFailure
	if p.Reason != late && errors.As(err, &handshake) {
		p.Detail = proxy.TLSText(handshake.cause)
	}
	return p, true
}

func reasonOf(err error, late messages.Reason) messages.Reason {
	var (
		timeout     net.Error
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		operation   *net.OpError
		handshake   tlsFailure
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
	case errors.As(err, &operation) && operation.Op == "remote error":
		return messages.TLSAlertReceived
	case errors.As(err, &handshake):
		return messages.TLSProtocolError
	}
	return messages.HTTPProtocolError
}
