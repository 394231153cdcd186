package messages

import "testing"

func TestTLSIsValidated(t *testing.T) {
	for _, test := range []struct {
		tls  TLS
		want string // "": nothing is wrong
	}{
		{TLS{}, ""},
		{TLS{Insecure: true, CAFile: "a", ClientCert: "b", ClientKey: "c", ServerName: "api.internal"}, ""},
		{TLS{ServerName: "10.0.0.1"}, ""},
		{TLS{ServerName: "a b"}, `TLS server name "a b": not a host name or IP address`},
		{TLS{ClientCert: "b"}, `client certificate "b": its key is missing`},
		{TLS{ClientKey: "c"}, `client key "c": its certificate is missing`},
	} {
		c := DefaultConfig()
		c.Backends, c.TLS = []Backend{{Scheme: HTTPS, Host: "a", Port: 1, Weight: 1}}, test.tls
		got := ""
		if err := c.Validate(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%+v: %q, want %q", test.tls, got, test.want)
		}
	}
}

func TestAnyTLS(t *testing.T) {
	for text, want := range map[string]bool{
		"a:80": false, "a:443": true, "https://a:1": true, "h2c://a:1": false, "srv://_https._tcp.a": true,
		"srv://_http._tcp.a": false,
	} {
		b, err := ParseBackend(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Config{Backends: []Backend{b}}).AnyTLS(); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
