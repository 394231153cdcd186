package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"lb/messages"
	"lb/proxy/transport"
)

// Credentials are what the files that the configuration names for TLS say. They are read when the configuration names
// others, and when one has changed. The zero value works; it may be used by several goroutines, and is for one process.
type Credentials struct {
	mu       sync.Mutex
	settings messages.TLS
	stamps   [3]stamp
	config   *tls.Config
	err      error
}

// stamp tells one state of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

// Config returns what TLS to all backends has in common; whoever speaks to one clones it and adds the server's name, if
// it has none. As long as nothing changes, it is the same one. On an error, which names the file, the last one that
// could be made of these settings goes on to hold; without one, the config trusts nobody.
func (c *Credentials) Config(t messages.TLS) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamps := stampsOf(t)
	if c.config != nil && c.settings == t && c.stamps == stamps {
		return c.config, c.err
	}
	config, err := loadTLS(t)
	switch {
	case err == nil:
	case c.config != nil && c.settings == t:
		config = c.config
	default:
		config = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	}
	c.settings, c.stamps, c.config, c.err = t, stamps, config, err
	return config, err
}

func stampsOf(t messages.TLS) (stamps [3]stamp) {
	for i, path := range []string{t.CAFile, t.ClientCert, t.ClientKey} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

// loadTLS reads the files. Without a file of authorities those of the system are trusted.
func loadTLS(t messages.TLS) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Insecure, ServerName: t.ServerName}
	if t.CAFile != "" {
		text, err := readPEM("CA file", t.CAFile)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, &messages.InvalidError{Subject: "CA file", Word: t.CAFile, Why: "no certificate in PEM is in it"}
		}
	}
	if t.ClientCert == "" {
		return c, nil
	}
	pair, err := loadPair(t)
	c.Certificates = []tls.Certificate{pair}
	return c, err
}

func loadPair(t messages.TLS) (tls.Certificate, error) {
	cert, err := readPEM("client certificate", t.ClientCert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readPEM("client key", t.ClientKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return pair, &messages.InvalidError{Subject: "client certificate", Word: t.ClientCert, Why: err.Error()}
	}
	return pair, nil
}

func readPEM(subject, path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return text, nil
	}
	var inside *fs.PathError
	if errors.As(err, &inside) {
		err = inside.Err
	}
	return nil, &messages.InvalidError{Subject: subject, Word: path, Why: err.Error()}
}

// TLSText says in words what was wrong with a handshake, as Proxy-Status does; "" where TLS is not at fault.
func TLSText(err error) string {
	if fault := transport.NewTLSError(err); fault != nil {
		return fault.Text
	}
	return ""
}
