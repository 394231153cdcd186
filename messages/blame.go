package messages

// BlamesBackend reports whether an attempt that ended for this reason speaks against the backend: it could not be reached,
// or gave no response that can be read. A response that was cut short does not count, nor does anything that a client can
// cause at will, such as a response head that grows with the request's.
func (r Reason) BlamesBackend() bool {
	switch r {
	case ConnectionRefused, ConnectionTimeout, ConnectionTerminated, DestinationUnroutable,
		TLSProtocolError, TLSCertificateError, TLSAlertReceived,
		HTTPProtocolError, HTTPResponseTransferCoding, HTTPResponseTimeout:
		return true
	}
	return false
}
