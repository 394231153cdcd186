package main

import (
	"lb/messages"
	"lb/proxy"
)

// tlsFlags are about TLS to backends.
var tlsFlags = []settingFlag{
	{onTLS, "insecure", "k", "tls.insecure", "do not verify the certificates of backends"},
	{onTLS, "ca-file", "", "tls.ca_file", "trust the authorities in `FILE` (PEM), not the system's"},
	{onTLS, "client-cert", "", "tls.client_cert", "show backends the certificate in `FILE` (PEM)"},
	{onTLS, "client-key", "", "tls.client_key", "its key is in `FILE` (PEM)"},
	{onTLS, "tls-server-name", "", "tls.server_name", "certificates must be for `NAME`, not for the backend's host"},
}

// checkFiles reads the files that TLS needs, and says which is of no use.
func checkFiles(t messages.TLS) error {
	var c proxy.Credentials
	_, err := c.Config(t)
	return err
}

// tlsWarning says what a configuration gives up; "" for nothing.
func tlsWarning(c messages.Config) string {
	if c.TLS.Insecure && c.AnyTLS() {
		return "certificates of backends are not verified: whoever is on the way can read and change everything"
	}
	return ""
}
