package messages

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// everything is a file that says all that can be said, nothing of it as it is by default.
const everything = `{
  "$schema": "lb.schema.json",
  "backends": [
    {"host": "App.Internal", "port": 9001},
    {"port": 9002, "host": "::1", "weight": 3, "max": 7, "tls": false},
    {"srv": "_http._tcp.app.internal", "weight": 2},
    {"host": "h", "port": 8443, "tls": true},
    {"host": "h", "port": 443},
    {"host": "i", "port": 443, "tls": false}
  ],
  "strategy": "hash", "hash_key": "header:X-User", "sticky": "lb", "host_header": "backend", "access_log": "on",
  "trusted_proxies": ["10.0.0.0/8", "::1"],
  "health": {
    "type": "tcp", "path": "/up", "status": "200-299", "interval": "1s", "timeout": "300ms", "fall": 0, "rise": 1,
    "fail_open": true, "slow_start": "30s"
  },
  "tls": {
    "insecure": true, "ca_file": "ca.pem", "client_cert": "c.pem", "client_key": "k.pem", "server_name": "api.internal"
  },
  "timeouts": {
    "connect": "1s", "header": "2s", "body": "3s", "response": "4s", "idle": "5s", "tunnel": "6m", "queue": "7s"
  },
  "limits": {"header_bytes": "16KiB", "body_bytes": 1500, "connections": 8, "queue": 9},
  "listen": {"host": "::", "port": 0, "workers": 3}
}
`

func TestDecodeConfigReadsEachKey(t *testing.T) {
	f, err := DecodeConfig([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Config: Config{
			Backends: []Backend{
				{HTTP, "app.internal", 9001, 1, 0},
				{HTTP, "::1", 9002, 3, 7},
				{SRV, "_http._tcp.app.internal", 0, 2, 0},
				{HTTPS, "h", 8443, 1, 0},
				{HTTPS, "h", 443, 1, 0},
				{HTTP, "i", 443, 1, 0},
			},
			Strategy: Hash, HashKey: Key{KeyHeader, "X-User"}, Sticky: "lb", HostHeader: HostBackend, AccessLog: AccessOn,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
			Health: Health{
				Type: HealthTCP, Path: "/up", Lowest: 200, Highest: 299, Interval: time.Second,
				Timeout: 300 * time.Millisecond, Fall: 0, Rise: 1,
			},
			FailOpen: true, SlowStart: 30 * time.Second,
			TLS: TLS{true, "ca.pem", "c.pem", "k.pem", "api.internal"},
			Timeouts: Timeouts{
				time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Minute,
			},
			Limits: Limits{16 << 10, 1500, 8, 9, 7 * time.Second},
		},
		Listen: Listen{netip.IPv6Unspecified(), 0, 3},
	}
	if !reflect.DeepEqual(f.Settings, want) {
		t.Errorf("got  %+v\nwant %+v", f.Settings, want)
	}
	if err := f.Config.Validate(); err != nil {
		t.Error(err)
	}
	for _, s := range allSettings {
		if s.Show(f.Settings) == s.Show(DefaultSettings()) || !f.Gives(s.Path) {
			t.Errorf("the file does not set %s", s.Path)
		}
	}
}

func TestDecodeConfigNeedsOnlyBackends(t *testing.T) {
	f, err := DecodeConfig([]byte(`{"backends":[{"host":"a","port":80}]}`))
	want := DefaultSettings()
	want.Config.Backends = []Backend{{HTTP, "a", 80, 1, 0}}
	if err != nil || !reflect.DeepEqual(f.Settings, want) {
		t.Errorf("got %+v, %v", f.Settings, err)
	}
	if f.Gives("strategy") || !f.Gives("backends[0].port") {
		t.Error("what the file gives is not known")
	}
}

// one is a backend, so that the rest of a file can be at fault.
const one = `"backends":[{"host":"a","port":80}]`

func TestDecodeConfigNamesTheFault(t *testing.T) {
	const root, first = `line 1, column 1: $: `, `line 1, column 14: $.backends[0]: `
	for in, want := range map[string]string{
		// JSON
		"":                             `line 1, column 1: $: the file ends where a value should be`,
		" \n\t ":                       `line 2, column 3: $: the file ends where a value should be`,
		"\xef\xbb\xbf{" + one:          root + `the file begins with a byte order mark; it must be UTF-8 without one`,
		"\xff\xfe{\x00":                root + `the file begins with a byte order mark; it must be UTF-8 without one`,
		"backends":                     root + `'b' where a value should be`,
		"\xc3":                         root + `a byte that is not UTF-8 where a value should be`,
		"[]":                           root + `must be an object, not an array`,
		"null":                         root + `must be an object, not null`,
		`{` + one:                      `line 1, column 37: $: the end of the file where a comma or } should be`,
		`{` + one + `,}`:               `line 1, column 38: $: '}' where a key in quotes should be`,
		`{` + one + `} x`:              `line 1, column 39: $: 'x' after the end of the value`,
		`{` + one + `}{}`:              `line 1, column 38: $: '{' after the end of the value`,
		`{` + one + "}\x00":            `line 1, column 38: $: '\x00' after the end of the value`,
		`{backends:[]}`:                `line 1, column 2: $: 'b' where a key in quotes should be`,
		"{\n  // a\n" + one:            `line 2, column 3: $: '/' where a key in quotes should be`,
		`{"backends" []}`:              `line 1, column 13: $: '[' where a colon should be`,
		`{"backends":`:                 `line 1, column 13: $.backends: the file ends where a value should be`,
		`{"backends":[{} {}]}`:         first + `"host" is missing`,
		`{` + one + `,` + one + `}`:    `line 1, column 38: $: key "backends" stands twice`,
		`{"strategy`:                   `line 1, column 2: $: a string that does not end`,
		"{\"strategy\n\":1}":           `line 1, column 2: $: a string that does not end on its line`,
		"{\"a\x01\":1}":                `line 1, column 4: $: a control character in a string`,
		"{\"a\xff\":1}":                `line 1, column 4: $: a byte that is not UTF-8`,
		`{"a\x":1}`:                    `line 1, column 4: $: an unknown escape in a string`,
		`{"\ud800":1}`:                 `line 1, column 3: $: \u without the four hexadecimal digits of a character`,
		`{"\u12":1}`:                   `line 1, column 3: $: \u without the four hexadecimal digits of a character`,
		`{"health":{"fail_open":tru}}`: `line 1, column 24: $.health.fail_open: neither true nor false`,
		`{"health":{"rise":01}}`:       `line 1, column 19: $.health.rise: a number that begins with 0`,
		`{"health":{"rise":1.}}`:       `line 1, column 19: $.health.rise: a number that does not end`,
		// keys
		`{}`:                             root + `"backends" is missing`,
		"\n {\"strategy\":\"random\"}":   `line 2, column 2: $: "backends" is missing`,
		`{"Backends":[]}`:                `line 1, column 2: $: unknown key "Backends"; did you mean "backends"?`,
		"{\n\t\"straegy\": 5}":           `line 2, column 2: $: unknown key "straegy"; did you mean "strategy"?`,
		`{"metrics":{}}`:                 `line 1, column 2: $: unknown key "metrics"`,
		`{"timeouts.idle":"5s"}`:         `line 1, column 2: $: unknown key "timeouts.idle"`,
		`{"timeouts":{"ilde":"5s"}}`:     `line 1, column 14: $.timeouts: unknown key "ilde"; did you mean "idle"?`,
		`{"timeouts":{"idle":{"x":1}}}`:  `line 1, column 21: $.timeouts.idle: must be a string such as "5s", not an object`,
		`{"backends":[{"prot":1}]}`:      `line 1, column 15: $.backends[0]: unknown key "prot"; did you mean "port"?`,
		`{"schema":"x"}`:                 `line 1, column 2: $: unknown key "schema"; did you mean "$schema"?`,
		`{"$schema":5}`:                  `line 1, column 12: $["$schema"]: must be a string, not a number`,
		`{"health":{"rise":1,"rise":1}}`: `line 1, column 21: $.health: key "rise" stands twice`,
		// backends
		`{"backends":{}}`:                          `line 1, column 13: $.backends: must be an array, not an object`,
		`{"backends":[]}`:                          `line 1, column 13: $.backends: has no backend`,
		`{"backends":["a:80"]}`:                    first + `must be an object, not a string`,
		`{"backends":[{"host":"a"}]}`:              first + `"port" is missing`,
		`{"backends":[{"host":5}]}`:                `line 1, column 22: $.backends[0].host: must be a string, not a number`,
		`{"backends":[{"port":"80"}]}`:             `line 1, column 22: $.backends[0].port: must be a number, not a string`,
		`{"backends":[{"port":0}]}`:                `line 1, column 22: $.backends[0].port: 0 is not a whole number from 1 to 65535`,
		`{"backends":[{"port":70000}]}`:            `line 1, column 22: $.backends[0].port: 70000 is not a whole number from 1 to 65535`,
		`{"backends":[{"port":8e3}]}`:              `line 1, column 22: $.backends[0].port: 8e3 is not a whole number from 1 to 65535`,
		`{"backends":[{"port":80.0}]}`:             `line 1, column 22: $.backends[0].port: 80.0 is not a whole number from 1 to 65535`,
		`{"backends":[{"weight":0}]}`:              `line 1, column 24: $.backends[0].weight: 0 is not a whole number from 1 to 1000`,
		`{"backends":[{"weight":-1}]}`:             `line 1, column 24: $.backends[0].weight: -1 is not a whole number from 1 to 1000`,
		`{"backends":[{"max":0}]}`:                 `line 1, column 21: $.backends[0].max: 0 is not a whole number from 1 to 1000000`,
		`{"backends":[{"tls":"yes"}]}`:             `line 1, column 21: $.backends[0].tls: must be true or false, not a string`,
		`{"backends":[{"host":"","port":80}]}`:     `line 1, column 22: $.backends[0].host: is empty`,
		`{"backends":[{"host":"a:1","port":80}]}`:  `line 1, column 22: $.backends[0].host "a:1": not a host name or IP address`,
		`{"backends":[{"host":"1.2.3","port":1}]}`: `line 1, column 22: $.backends[0].host "1.2.3": not an IP address`,
		`{"backends":[{"srv":"_http._tcp.a","port":1}]}`: first +
			`"srv" stands instead of "host", "port" and "tls", not beside them`,
		`{"backends":[{"srv":"app"}]}`: `line 1, column 21: $.backends[0].srv "app": ` +
			`a service is srv://_http._tcp.name, with _http, _https or _h2c`,
		`{` + strings.Replace(one, "]", `,{"host":"A","port":80,"weight":2}]`, 1) + `}`: `line 1, column 37: ` +
			`$.backends[1] "a:80": named twice, first in $.backends[0]`,
		// values
		`{"strategy":"wieghted"}`: `line 1, column 13: $.strategy "wieghted": ` +
			`not one of round_robin, weighted, random, least_conn, p2c, hash; did you mean "weighted"?`,
		`{"strategy":"Weighted"}`: `line 1, column 13: $.strategy "Weighted": ` +
			`not one of round_robin, weighted, random, least_conn, p2c, hash; did you mean "weighted"?`,
		`{"strategy":1}`:                       `line 1, column 13: $.strategy: must be a string, not a number`,
		`{"sticky":null}`:                      `line 1, column 11: $.sticky: must be a string, not null`,
		`{"hash_key":"coookie:x"}`:             `line 1, column 13: $.hash_key "coookie:x": not client, header:Name or cookie:Name; did you mean "cookie:x"?`,
		`{"timeouts":{"idle":5}}`:              `line 1, column 21: $.timeouts.idle: must be a string such as "5s", not a number`,
		`{"timeouts":{"idle":"5"}}`:            `line 1, column 21: $.timeouts.idle "5": not a time such as 500ms, 5s or 1h; did you mean "5s"?`,
		`{"timeouts":{"idle":"0s"}}`:           `line 1, column 21: $.timeouts.idle "0s": must be 1ms to 720h`,
		`{"limits":{"header_bytes":1}}`:        `line 1, column 27: $.limits.header_bytes "1": must be 1KiB to 64KiB`,
		`{"limits":{"header_bytes":1.5}}`:      `line 1, column 27: $.limits.header_bytes "1.5": not a size such as 65536, 64KiB or 10MB`,
		`{"limits":{"header_bytes":true}}`:     `line 1, column 27: $.limits.header_bytes: must be a string such as "64KiB" or a number, not true or false`,
		`{"limits":{"queue":0}}`:               `line 1, column 20: $.limits.queue: 0 is not a whole number from 1 to 1073741824`,
		`{"health":{"path":"x"}}`:              `line 1, column 19: $.health.path "x": must begin with /`,
		`{"health":{"status":200}}`:            `line 1, column 21: $.health.status: must be a string, not a number`,
		`{"listen":{"host":"localhost"}}`:      `line 1, column 19: $.listen.host "localhost": must be an IP address to listen on; did you mean "127.0.0.1"?`,
		`{"trusted_proxies":"::1"}`:            `line 1, column 20: $.trusted_proxies: must be an array, not a string`,
		`{"trusted_proxies":["::1","10.1/8"]}`: `line 1, column 27: $.trusted_proxies[1] "10.1/8": not a network such as 10.0.0.0/8`,
		"{\n\"sticky\":\n  \"é b\"}":           `line 3, column 3: $.sticky "é b": a name has letters, digits and any of !#$%&'*+-.^_` + "`|~",
		`{"é":1, "sticky": 1}`:                 `line 1, column 2: $: unknown key "é"`,
		"{\"backends\":[\n {\"host\": \"é\",":  `line 2, column 15: $.backends[0]: the end of the file where a key in quotes should be`,
	} {
		_, err := DecodeConfig([]byte(in))
		var fault *FileError
		if !errors.As(err, &fault) || err.Error() != want {
			t.Errorf("%q\ngot  %v\nwant %s", in, err, want)
		}
	}
}

func TestDecodeConfigBounds(t *testing.T) {
	file := func(backends int) string {
		var b strings.Builder
		for _, backend := range manyBackends(backends) {
			b.WriteString(`,{"port":80,"host":"` + backend.Host + `"}`)
		}
		return `{"backends":[` + b.String()[1:] + `]}`
	}
	if f, err := DecodeConfig([]byte(file(MaxBackends))); err != nil || len(f.Config.Backends) != MaxBackends {
		t.Errorf("%d backends: %v", MaxBackends, err)
	}
	_, err := DecodeConfig([]byte(file(MaxBackends + 1)))
	if err == nil || !strings.HasSuffix(err.Error(), "$.backends[1024]: more than 1024 backends") {
		t.Errorf("%d backends: %v", MaxBackends+1, err)
	}
	large := `{` + one + `}` + strings.Repeat(" ", MaxFileBytes)
	if _, err := DecodeConfig([]byte(large[:MaxFileBytes])); err != nil {
		t.Errorf("1 MiB: %v", err)
	}
	_, err = DecodeConfig([]byte(large[:MaxFileBytes+1]))
	if err == nil || err.Error() != "line 1, column 1048577: $: the file is larger than 1 MiB" {
		t.Errorf("more than 1 MiB: %v", err)
	}
}

func TestFileFaultIsPlaced(t *testing.T) {
	f, err := DecodeConfig([]byte("{\"backends\":[\n {\"host\":\"a\",\"port\":443}\n]}"))
	if err != nil {
		t.Fatal(err)
	}
	got := f.Fault("backends[0]", &InvalidError{Word: "https://a:443", Why: "not yet"}).Error()
	if want := `line 2, column 2: $.backends[0] "https://a:443": not yet`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
