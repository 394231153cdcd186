package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lb/messages"
)

// writePair writes a new certificate and its key.
func writePair(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	number := big.NewInt(time.Now().UnixNano())
	template := &x509.Certificate{SerialNumber: number, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, cert, "CERTIFICATE", der)
	der, err = x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, key, "EC PRIVATE KEY", der)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// later gives a file another time than it had, whatever the resolution of the file system.
func later(t *testing.T, path string, by time.Duration) {
	t.Helper()
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(by)); err != nil {
		t.Fatal(err)
	}
}

// Files are read once, and again when they have changed. As long as they are no good, what they said before holds.
func TestCredentialsFollowTheirFiles(t *testing.T) {
	dir := t.TempDir()
	set := messages.TLS{ClientCert: filepath.Join(dir, "cert"), ClientKey: filepath.Join(dir, "key")}
	writePair(t, set.ClientCert, set.ClientKey)
	var c Credentials
	first, err := c.Config(set)
	if err != nil || len(first.Certificates) != 1 {
		t.Fatal(first, err)
	}
	if same, _ := c.Config(set); same != first {
		t.Error("files that have not changed were read again")
	}
	if err := os.WriteFile(set.ClientCert, []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	later(t, set.ClientCert, time.Minute)
	if kept, err := c.Config(set); kept != first || err == nil || !strings.Contains(err.Error(), set.ClientCert) {
		t.Errorf("a bad file: %v, %v", kept == first, err)
	}
	writePair(t, set.ClientCert, set.ClientKey)
	later(t, set.ClientCert, 2*time.Minute)
	if renewed, err := c.Config(set); err != nil || renewed == first || len(renewed.Certificates) != 1 {
		t.Errorf("a renewed file: %v, %v", renewed, err)
	}
	if other, err := c.Config(messages.TLS{Insecure: true}); err != nil || !other.InsecureSkipVerify {
		t.Errorf("other settings: %v, %v", other, err)
	}
}

// Who cannot read what to trust trusts nobody.
func TestCredentialsWithoutTheirFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	var c Credentials
	config, err := c.Config(messages.TLS{CAFile: path})
	if want := `CA file "` + path + `": no such file or directory`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if !config.RootCAs.Equal(x509.NewCertPool()) {
		t.Error("somebody is trusted")
	}
}
