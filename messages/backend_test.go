package messages

import (
	"errors"
	"strings"
	"testing"
)

func TestParseBackend(t *testing.T) {
	for _, c := range []struct {
		in, id, address string
		want            Backend
	}{
		{"127.0.0.1:9001", "127.0.0.1:9001", "127.0.0.1:9001", Backend{HTTP, "127.0.0.1", 9001, 1, 0}},
		{"App.Example.:80", "app.example.:80", "app.example.:80", Backend{HTTP, "app.example.", 80, 1, 0}},
		{"my_app:65535,weight=2", "my_app:65535", "my_app:65535", Backend{HTTP, "my_app", 65535, 2, 0}},
		{"http://LOCALHOST:1", "localhost:1", "localhost:1", Backend{HTTP, "localhost", 1, 1, 0}},
		{"HTTPS://h:8443", "https://h:8443", "h:8443", Backend{HTTPS, "h", 8443, 1, 0}},
		{"h2c://h:80,weight=1000", "h2c://h:80", "h:80", Backend{H2C, "h", 80, 1000, 0}},
		{"h:443", "https://h:443", "h:443", Backend{HTTPS, "h", 443, 1, 0}},
		{"http://h:443", "http://h:443", "h:443", Backend{HTTP, "h", 443, 1, 0}},
		{"h:80,max=9,weight=2", "h:80", "h:80", Backend{HTTP, "h", 80, 2, 9}},
		{"h:80,max=1000000", "h:80", "h:80", Backend{HTTP, "h", 80, 1, 1000000}},
		{"[::1]:9001", "[::1]:9001", "[::1]:9001", Backend{HTTP, "::1", 9001, 1, 0}},
		{"[2001:DB8:0:0::1]:80", "[2001:db8::1]:80", "[2001:db8::1]:80", Backend{HTTP, "2001:db8::1", 80, 1, 0}},
		{
			"https://[fe80::1%eth0]:443", "https://[fe80::1%eth0]:443", "[fe80::1%eth0]:443",
			Backend{HTTPS, "fe80::1%eth0", 443, 1, 0},
		},
	} {
		got, err := ParseBackend(c.in)
		if err != nil || got != c.want {
			t.Errorf("ParseBackend(%q) = %+v, %v; want %+v", c.in, got, err, c.want)
		}
		if got.ID() != c.id || got.Address() != c.address {
			t.Errorf("%q: ID %q, address %q; want %q, %q", c.in, got.ID(), got.Address(), c.id, c.address)
		}
	}
}

func TestParseBackendNamesTheFault(t *testing.T) {
	for in, want := range map[string]string{
		"":                              `backend: empty`,
		"localhost":                     `backend "localhost": no port; did you mean "localhost:80"?`,
		"localhost:":                    `backend "localhost:": no port; did you mean "localhost:80"?`,
		"http://localhost":              `backend "http://localhost": no port; did you mean "http://localhost:80"?`,
		"[::1]":                         `backend "[::1]": no port; did you mean "[::1]:80"?`,
		"::1":                           `backend "::1": no port; write an IPv6 address as [address]:port`,
		"a:b:c":                         `backend "a:b:c": not host:port or [IPv6 address]:port`,
		":9001":                         `backend ":9001": no host; did you mean "127.0.0.1:9001"?`,
		"h:0":                           `backend "h:0": port "0" is not 1 to 65535`,
		"h:65536":                       `backend "h:65536": port "65536" is not 1 to 65535`,
		"h:080":                         `backend "h:080": port "080" is not 1 to 65535`,
		"h:+80":                         `backend "h:+80": port "+80" is not 1 to 65535`,
		"h:http":                        `backend "h:http": port "http" is not 1 to 65535`,
		"htp://h:80":                    `backend "htp://h:80": unknown scheme "htp"; did you mean "http://h:80"?`,
		"gopher://h:80":                 `backend "gopher://h:80": unknown scheme "gopher"`,
		"http://h:80/path":              `backend "http://h:80/path": a backend has no path; did you mean "http://h:80"?`,
		"u:p@h:80":                      `backend "u:p@h:80": a backend has no user name`,
		"256.1.1.1:80":                  `backend "256.1.1.1:80": not an IP address`,
		"-h:80":                         `backend "-h:80": not a host name or IP address`,
		"a..b:80":                       `backend "a..b:80": not a host name or IP address`,
		"h h:80":                        `backend "h h:80": not a host name or IP address`,
		"h\n:80":                        `backend "h\n:80": not a host name or IP address`,
		"h:80,":                         `backend "h:80,": nothing follows a comma`,
		"h:80,,max=1":                   `backend "h:80,,max=1": nothing follows a comma`,
		"h:80,i:81":                     `backend attribute "i:81": only weight=N and max=N are known; a list of backends is divided by spaces`,
		"h:80,wieght=2":                 `backend attribute "wieght=2": only weight=N and max=N are known; did you mean "weight=2"?`,
		"h:80,weight=0":                 `backend attribute "weight=0": weight must be 1 to 1000`,
		"h:80,weight=":                  `backend attribute "weight=": weight must be 1 to 1000`,
		"h:80,weight=-1":                `backend attribute "weight=-1": weight must be 1 to 1000`,
		"h:80,weight=1001":              `backend attribute "weight=1001": weight must be 1 to 1000`,
		"h:80,weight=1,weight=2":        `backend attribute "weight=2": weight is given twice`,
		"h:80,max=0":                    `backend attribute "max=0": max must be 1 to 1000000`,
		"h:80,max=1000001":              `backend attribute "max=1000001": max must be 1 to 1000000`,
		"h:80,max=1,weight=2,max=1":     `backend attribute "max=1": max is given twice`,
		"h:80,maks=5":                   `backend attribute "maks=5": only weight=N and max=N are known; did you mean "max=5"?`,
		strings.Repeat("a", 64) + ":80": `backend "` + strings.Repeat("a", 64) + `:80": not a host name or IP address`,
	} {
		b, err := ParseBackend(in)
		if err == nil || err.Error() != want {
			t.Errorf("ParseBackend(%q) = %v, %v\nwant %s", in, b, err, want)
		}
	}
}

// What parses has one canonical form, which parses to the same value; what does not fails with one short line.
func FuzzParseBackend(f *testing.F) {
	seeds := "h:80,max=3 [::1]:443,weight=3 h2c://A.b:1 http://h:443 htps://x:1 [fe80::1%a]:1 http://h:80/path u@h:80"
	for seed := range strings.FieldsSeq(seeds) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		b, err := ParseBackend(in)
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) || strings.ContainsAny(err.Error(), "\n\r\x1b") || len(err.Error()) > 2000 {
				t.Fatalf("%q: error is not one short line: %q", in, err)
			}
			return
		}
		again, err := ParseBackend(b.String())
		if err != nil || again != b {
			t.Fatalf("%q gives %+v, written as %q, which gives %+v, %v", in, b, b.String(), again, err)
		}
		if err := b.Validate(); err != nil {
			t.Fatalf("%q parses to %+v, which is not valid: %v", in, b, err)
		}
	})
}

func TestAuthorityHasNoImpliedPort(t *testing.T) {
	for text, want := range map[string]string{
		"a:80": "a", "a:443": "a", "a:81": "a:81", "http://a:443": "a:443", "https://a:80": "a:80", "h2c://a:80": "a",
		"[::1]:80": "[::1]", "[::1]:443": "[::1]", "https://[::1]:8443": "[::1]:8443",
	} {
		b, err := ParseBackend(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Authority(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
