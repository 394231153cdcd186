package messages

import (
	"net/netip"
	"strings"
)

// TLS is how lb speaks TLS to the backends that have it. It names files, so that no key is ever in a message: who needs
// their contents reads them.
type TLS struct {
	// Insecure switches the verification of certificates off: whoever can get between lb and a backend can then read
	// and change everything.
	Insecure bool
	// CAFile has the certificates, in PEM, of the authorities that are trusted instead of the system's; empty: the
	// system's.
	CAFile string
	// ClientCert and ClientKey are files with the certificate, in PEM, that lb shows to backends, and with its key.
	// Both or neither are given.
	ClientCert, ClientKey string
	// ServerName is what every backend is asked for (SNI, RFC 6066 §3) and what its certificate must be for; empty: the
	// host of the backend.
	ServerName string
}

// Validate returns an *InvalidError for a value that is wrong by itself.
func (t TLS) Validate() error {
	if t.ServerName == "" {
		return nil
	}
	if _, err := netip.ParseAddr(t.ServerName); err == nil {
		return nil
	}
	if why := hostNameFault(strings.ToLower(t.ServerName)); why != "" {
		return &InvalidError{Subject: "TLS server name", Word: t.ServerName, Why: why}
	}
	return nil
}

// validatePair says that a certificate is of no use without its key, and a key without its certificate.
func (t TLS) validatePair() error {
	switch {
	case t.ClientCert != "" && t.ClientKey == "":
		return &InvalidError{Subject: "client certificate", Word: t.ClientCert, Why: "its key is missing"}
	case t.ClientKey != "" && t.ClientCert == "":
		return &InvalidError{Subject: "client key", Word: t.ClientKey, Why: "its certificate is missing"}
	}
	return nil
}

// AnyTLS reports whether a backend is spoken to by TLS, or may be: what a service name lists is known later.
func (c Config) AnyTLS() bool {
	for _, b := range c.Backends {
		if b.Scheme == HTTPS || b.Scheme == SRV && ServiceScheme(b.Host) == HTTPS {
			return true
		}
	}
	return false
}
