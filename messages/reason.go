package messages

// Reason is why an attempt or an exchange failed.
type Reason uint8

// The reasons. Those with a word of the registry of proxy error types carry the meaning of RFC 9209 §2.3.
const (
	// NoReason: nothing failed.
	NoReason Reason = iota

	// DNSTimeout: the backend's name was not resolved in time.
	DNSTimeout
	// DNSError: the backend's name does not resolve.
	DNSError
	// DestinationUnavailable: no backend is up.
	DestinationUnavailable
	// DestinationUnroutable: no route to the backend's address.
	DestinationUnroutable
	// ConnectionRefused: the backend's port is closed.
	ConnectionRefused
	// ConnectionTerminated: the connection was reset or closed before a response byte came.
	ConnectionTerminated
	// ConnectionTimeout: the connection to the backend did not stand in time.
	ConnectionTimeout
	// ConnectionReadTimeout: a body of the backend fell silent.
	ConnectionReadTimeout
	// ConnectionWriteTimeout: the backend stopped taking the request.
	ConnectionWriteTimeout
	// ConnectionLimitReached: a limit on connections forbids another one.
	ConnectionLimitReached
	// TLSProtocolError: the TLS handshake with the backend failed.
	TLSProtocolError
	// TLSCertificateError: the backend's certificate was not accepted.
	TLSCertificateError
	// TLSAlertReceived: the backend ended TLS with an alert.
	TLSAlertReceived
	// HTTPRequestError: the client's request is at fault.
	HTTPRequestError
	// HTTPRequestDenied: the request is well formed, and is not allowed.
	HTTPRequestDenied
	// HTTPResponseIncomplete: the response ended before its end.
	HTTPResponseIncomplete
	// HTTPResponseHeaderSectionSize: the response's head is too large.
	HTTPResponseHeaderSectionSize
	// HTTPResponseTransferCoding: the response has a transfer coding that is not understood.
	HTTPResponseTransferCoding
	// HTTPResponseTimeout: no byte of a response in time.
	HTTPResponseTimeout
	// HTTPUpgradeFailed: an upgrade was answered in a way that makes no tunnel.
	HTTPUpgradeFailed
	// HTTPProtocolError: what the backend sent is not HTTP.
	HTTPProtocolError
	// ProxyInternalError: a fault of lb itself.
	ProxyInternalError
	// ProxyLoopDetected: the request has been here before.
	ProxyLoopDetected

	// ClientClosed: the client went away before the exchange was over. Not of the registry: nobody is left to be told.
	ClientClosed
	// ClientTimeout: the client fell silent inside its request. Not of the registry.
	ClientTimeout
	// DrainExpired: the exchange was cut off at the end of a drain. Not of the registry.
	DrainExpired

	reasonCount
)

// reasons gives each its word and, where RFC 9209 recommends one, the status of the answer.
var reasons = [reasonCount]struct {
	word   string
	status int
}{
	NoReason:                      {"none", 0},
	DNSTimeout:                    {"dns_timeout", 504},
	DNSError:                      {"dns_error", 502},
	DestinationUnavailable:        {"destination_unavailable", 503},
	DestinationUnroutable:         {"destination_ip_unroutable", 502},
	ConnectionRefused:             {"connection_refused", 502},
	ConnectionTerminated:          {"connection_terminated", 502},
	ConnectionTimeout:             {"connection_timeout", 504},
	ConnectionReadTimeout:         {"connection_read_timeout", 504},
	ConnectionWriteTimeout:        {"connection_write_timeout", 504},
	ConnectionLimitReached:        {"connection_limit_reached", 503},
	TLSProtocolError:              {"tls_protocol_error", 502},
	TLSCertificateError:           {"tls_certificate_error", 502},
	TLSAlertReceived:              {"tls_alert_received", 502},
	HTTPRequestError:              {"http_request_error", 400},
	HTTPRequestDenied:             {"http_request_denied", 403},
	HTTPResponseIncomplete:        {"http_response_incomplete", 502},
	HTTPResponseHeaderSectionSize: {"http_response_header_section_size", 502},
	HTTPResponseTransferCoding:    {"http_response_transfer_coding", 502},
	HTTPResponseTimeout:           {"http_response_timeout", 504},
	HTTPUpgradeFailed:             {"http_upgrade_failed", 502},
	HTTPProtocolError:             {"http_protocol_error", 502},
	ProxyInternalError:            {"proxy_internal_error", 500},
	ProxyLoopDetected:             {"proxy_loop_detected", 502},
	ClientClosed:                  {"client_closed", 0},
	ClientTimeout:                 {"client_timeout", 408},
	DrainExpired:                  {"drain_expired", 503},
}

// String returns the one word for the log line, the metric label and Proxy-Status; "none" for NoReason.
func (r Reason) String() string {
	if r < reasonCount {
		return reasons[r].word
	}
	return "unknown"
}

// Status is the status code of our own answer for the reason (RFC 9209 §2.3); 0 when there is nothing to answer.
// HTTPRequestError has more exact codes than 400, which its finder knows.
func (r Reason) Status() int {
	if r < reasonCount {
		return reasons[r].status
	}
	return 0
}

// Reasons lists all reasons but NoReason, for metrics that show a label before it first counts. The caller owns the
// slice.
func Reasons() []Reason {
	all := make([]Reason, 0, reasonCount-1)
	for r := NoReason + 1; r < reasonCount; r++ {
		all = append(all, r)
	}
	return all
}
