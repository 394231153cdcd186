package messages

import (
	"errors"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func validConfig() Config {
	c := DefaultConfig()
	c.Backends = []Backend{{HTTP, "a", 80, 1, 0}, {HTTP, "b", 80, 2, 0}}
	return c
}

func TestDefaultConfigNeedsOnlyABackend(t *testing.T) {
	if err := validConfig().Validate(); err != nil {
		t.Errorf("defaults with two backends: %v", err)
	}
	got := DefaultConfig().Timeouts
	want := Timeouts{5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, time.Minute, time.Hour}
	if got != want {
		t.Errorf("default times %+v, want %+v", got, want)
	}
	if got := DefaultConfig().Limits; got != (Limits{HeaderBytes: 32768, Queue: 1024, QueueTime: time.Second}) {
		t.Errorf("default limits %+v", got)
	}
}

func TestValidateNamesTheFault(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		`no backend: nowhere to forward to`: func(c *Config) { c.Backends = nil },
		`backend "a:80": named twice`: func(c *Config) {
			c.Backends[1] = Backend{HTTP, "a", 80, 5, 0}
		},
		`backend "a:80,weight=0": weight must be 1 to 1000`: func(c *Config) {
			c.Backends[0].Weight = 0
		},
		`backend "a:0": port is not 1 to 65535`: func(c *Config) { c.Backends[0].Port = 0 },
		`backend "A:80": not a backend in its canonical form`: func(c *Config) {
			c.Backends[0].Host = "A"
		},
		`backends "1025": at most 1024`: func(c *Config) {
			c.Backends = manyBackends(1025)
		},
		`strategy "unknown(7)": not one of round_robin, weighted, random, least_conn, p2c, hash`: func(c *Config) { c.Strategy = 7 },
		`host header "unknown(7)": not one of auto, preserve, backend`:                           func(c *Config) { c.HostHeader = 7 },
		`access log "unknown(7)": not one of errors, off, on`:                                    func(c *Config) { c.AccessLog = 7 },
		`connect timeout "0s": must be 1ms to 720h`:                                              func(c *Config) { c.Timeouts.Connect = 0 },
		`header timeout "-1s": must be 1ms to 720h`: func(c *Config) {
			c.Timeouts.Header = -time.Second
		},
		`body timeout "1ns": must be 1ms to 720h`: func(c *Config) { c.Timeouts.Body = 1 },
		`response timeout "720h0m0.000000001s": must be 1ms to 720h`: func(c *Config) {
			c.Timeouts.Response = MaxTimeout + 1
		},
		`idle timeout "0s": must be 1ms to 720h`:   func(c *Config) { c.Timeouts.Idle = 0 },
		`tunnel timeout "0s": must be 1ms to 720h`: func(c *Config) { c.Timeouts.Tunnel = 0 },
		`header limit "1023": must be 1KiB to 64KiB`: func(c *Config) {
			c.Limits.HeaderBytes = 1023
		},
		`header limit "65537": must be 1KiB to 64KiB`: func(c *Config) {
			c.Limits.HeaderBytes = 65537
		},
		`body limit "-1": must not be negative`: func(c *Config) {
			c.Limits.BodyBytes = -1
		},
		`connection limit "-1": must be 0 to 1073741824`: func(c *Config) {
			c.Limits.Connections = -1
		},
		`queue limit "0": must be 1 to 1073741824`: func(c *Config) { c.Limits.Queue = 0 },
		`queue timeout "0s": must be 1ms to 720h`:  func(c *Config) { c.Limits.QueueTime = 0 },
		`backend "a:80,max=-1": max must be 1 to 1000000`: func(c *Config) {
			c.Backends[0].Max = -1
		},
		`slow start "-1s": must be 0s to 720h`:                                     func(c *Config) { c.SlowStart = -time.Second },
		`sticky "a b": a name has letters, digits and any of !#$%&'*+-.^_` + "`|~": func(c *Config) { c.Sticky = "a b" },
		`hash key "unknown(7):": not one of client, header, cookie`:                func(c *Config) { c.HashKey.Kind = 7 },
		`hash key "client:x": client has no name`:                                  func(c *Config) { c.HashKey.Name = "x" },
		`hash key "cookie:": a name has 1 to 256 bytes`:                            func(c *Config) { c.HashKey.Kind = KeyCookie },
		`health type "unknown(7)": not one of http, tcp, off`:                      func(c *Config) { c.Health.Type = 7 },
		`health path "x": must begin with /`:                                       func(c *Config) { c.Health.Path = "x" },
		`health path "/a b": has a space, a fragment or a byte that must be percent-encoded`: func(c *Config) {
			c.Health.Path = "/a b"
		},
		`health interval "0s": must be 1ms to 720h`: func(c *Config) { c.Health.Interval = 0 },
		`health timeout "0s": must be 1ms to 720h`:  func(c *Config) { c.Health.Timeout = 0 },
		`health fall "-1": must be 0 to 1000`:       func(c *Config) { c.Health.Fall = -1 },
		`health rise "0": must be 1 to 1000`:        func(c *Config) { c.Health.Rise = 0 },
		`health status "499-100": ` + statusRange:   func(c *Config) { c.Health.Lowest, c.Health.Highest = 499, 100 },
		`trusted proxy "10.1.0.0/8": not a network such as 10.0.0.0/8`: func(c *Config) {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/8")}
		},
	} {
		c := validConfig()
		spoil(&c)
		err := c.Validate()
		var invalid *InvalidError
		if !errors.As(err, &invalid) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func manyBackends(n int) []Backend {
	var all []Backend
	for i := range n {
		all = append(all, Backend{HTTP, "h" + strconv.Itoa(i) + "x", 80, 1, 0})
	}
	return all
}

func TestMostBackends(t *testing.T) {
	c := DefaultConfig()
	c.Backends = manyBackends(MaxBackends)
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"500ms": 500 * time.Millisecond, "1m30s": 90 * time.Second, "0s": 0} {
		if got, err := ParseDuration("idle timeout", in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"5":  `idle timeout "5": not a time such as 500ms, 5s or 1h; did you mean "5s"?`,
		"0":  `idle timeout "0": not a time such as 500ms, 5s or 1h; did you mean "0s"?`,
		"1d": `idle timeout "1d": not a time such as 500ms, 5s or 1h`,
		"":   `idle timeout: not a time such as 500ms, 5s or 1h`,
	} {
		if _, err := ParseDuration("idle timeout", in); err == nil || err.Error() != want {
			t.Errorf("ParseDuration(%q): %v, want %s", in, err, want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1500": 1500, "7B": 7, "32KiB": 32768, "32k": 32768, "1MiB": 1 << 20, "2m": 2 << 20, "1g": 1 << 30,
		"10MB": 1e7, "3kb": 3000, "1GB": 1e9, "9223372036854775807": math.MaxInt64,
	} {
		if got, err := ParseBytes("body limit", in); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	tooMuch := []string{"9223372036854775808", "8589934592GiB"}
	for _, in := range append(tooMuch, "", "KiB", "-1", "+1", "1.5M", "1 KiB", "1TiB", "1kk") {
		got, err := ParseBytes("body limit", in)
		if err == nil || !strings.HasSuffix(err.Error(), "not a size such as 65536, 64KiB or 10MB") {
			t.Errorf("ParseBytes(%q) = %d, %v", in, got, err)
		}
	}
}

func TestFormatBytesIsReadBack(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1500: "1500", 32768: "32KiB", 3 << 20: "3MiB", 1 << 40: "1024GiB"} {
		got := FormatBytes(n)
		back, err := ParseBytes("", got)
		if got != want || err != nil || back != n {
			t.Errorf("FormatBytes(%d) = %q, want %q; read back as %d, %v", n, got, want, back, err)
		}
	}
}

func TestParsePrefix(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "192.0.2.1": "192.0.2.1/32", "2001:db8::/32": "2001:db8::/32", "::1": "::1/128",
	} {
		if got, err := ParsePrefix("trusted proxy", in); err != nil || got.String() != want {
			t.Errorf("ParsePrefix(%q) = %v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"10.1.2.3/8":  `trusted proxy "10.1.2.3/8": bits are set behind the prefix length; did you mean "10.0.0.0/8"?`,
		"10.0.0.0/33": `trusted proxy "10.0.0.0/33": not a network such as 10.0.0.0/8`,
		"localhost":   `trusted proxy "localhost": not a network such as 10.0.0.0/8`,
	} {
		if _, err := ParsePrefix("trusted proxy", in); err == nil || err.Error() != want {
			t.Errorf("ParsePrefix(%q): %v, want %s", in, err, want)
		}
	}
}

func TestOutcomeFailed(t *testing.T) {
	if !slices.Equal([]bool{Outcome{Reason: DNSError}.Failed(), Outcome{}.Failed()}, []bool{true, false}) {
		t.Error("Failed is the opposite of success")
	}
}

func TestParseStatuses(t *testing.T) {
	for in, want := range map[string][2]int{"200": {200, 200}, "200-399": {200, 399}, "100-599": {100, 599}} {
		low, high, err := ParseStatuses("health status", in)
		if err != nil || [2]int{low, high} != want || FormatStatuses(low, high) != in {
			t.Errorf("ParseStatuses(%q) = %d, %d, %v", in, low, high, err)
		}
	}
	for _, in := range []string{"", "-", "2xx", "99", "600", "200-600", "399-200", "200-", "-399", "200-300-400", "+200"} {
		_, _, err := ParseStatuses("health status", in)
		if err == nil || !strings.HasSuffix(err.Error(), ": "+statusRange) {
			t.Errorf("ParseStatuses(%q): %v", in, err)
		}
	}
}

func TestParseKey(t *testing.T) {
	for in, want := range map[string]Key{
		"client": {}, "header:X-User": {KeyHeader, "X-User"}, "cookie:sid": {KeyCookie, "sid"},
	} {
		if got, err := ParseKey(in); err != nil || got != want || got.String() != in {
			t.Errorf("ParseKey(%q) = %+v, %v, written as %q", in, got, err, got)
		}
	}
	for in, want := range map[string]string{
		"":           `hash key: not client, header:Name or cookie:Name`,
		"client:x":   `hash key "client:x": not client, header:Name or cookie:Name`,
		"header":     `hash key "header": not client, header:Name or cookie:Name`,
		"coookie:id": `hash key "coookie:id": not client, header:Name or cookie:Name; did you mean "cookie:id"?`,
		"header:":    `hash key "header:": a name has 1 to 256 bytes`,
		"cookie:a;b": `hash key "cookie:a;b": a name has letters, digits and any of !#$%&'*+-.^_` + "`|~",
	} {
		if got, err := ParseKey(in); err == nil || err.Error() != want {
			t.Errorf("ParseKey(%q) = %+v, %v\nwant %s", in, got, err, want)
		}
	}
}
