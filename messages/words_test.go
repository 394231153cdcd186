package messages

import (
	"fmt"
	"strings"
	"testing"
)

func TestWordsParseToTheirValues(t *testing.T) {
	check := func(want fmt.Stringer, word string, parse func(string) (fmt.Stringer, error)) {
		t.Helper()
		for _, in := range []string{word, strings.ToUpper(word)} {
			if got, err := parse(in); err != nil || got != want {
				t.Errorf("%q parses to %v, %v; want %v", in, got, err, want)
			}
		}
		if want.String() != word {
			t.Errorf("String() = %q, want %q", want, word)
		}
	}
	scheme := func(s string) (fmt.Stringer, error) { return ParseScheme(s) }
	check(HTTP, "http", scheme)
	check(HTTPS, "https", scheme)
	check(H2C, "h2c", scheme)
	strategy := func(s string) (fmt.Stringer, error) { return ParseStrategy(s) }
	check(RoundRobin, "round_robin", strategy)
	check(Weighted, "weighted", strategy)
	check(Random, "random", strategy)
	check(LeastConn, "least_conn", strategy)
	check(P2C, "p2c", strategy)
	check(Hash, "hash", strategy)
	health := func(s string) (fmt.Stringer, error) { return ParseHealthType(s) }
	check(HealthHTTP, "http", health)
	check(HealthTCP, "tcp", health)
	check(HealthOff, "off", health)
	hostHeader := func(s string) (fmt.Stringer, error) { return ParseHostHeader(s) }
	check(HostAuto, "auto", hostHeader)
	check(HostPreserve, "preserve", hostHeader)
	check(HostBackend, "backend", hostHeader)
	accessLog := func(s string) (fmt.Stringer, error) { return ParseAccessLog(s) }
	check(AccessErrors, "errors", accessLog)
	check(AccessOff, "off", accessLog)
	check(AccessOn, "on", accessLog)
}

func TestUnknownWords(t *testing.T) {
	check := func(err error, want string) {
		t.Helper()
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := ParseStrategy("roundrobin")
	check(err, `strategy "roundrobin": not one of round_robin, weighted, random, least_conn, p2c, hash; did you mean "round_robin"?`)
	_, err = ParseStrategy("ring")
	check(err, `strategy "ring": not one of round_robin, weighted, random, least_conn, p2c, hash`)
	_, err = ParseHostHeader("preserv")
	check(err, `host header "preserv": not one of auto, preserve, backend; did you mean "preserve"?`)
	_, err = ParseAccessLog("error")
	check(err, `access log "error": not one of errors, off, on; did you mean "errors"?`)
	_, err = ParseHealthType("htttp")
	check(err, `health type "htttp": not one of http, tcp, off; did you mean "http"?`)
	for _, unknown := range []fmt.Stringer{HealthType(9), Scheme(9), Strategy(9), HostHeader(9), AccessLog(9), State(9)} {
		if unknown.String() != "unknown(9)" {
			t.Errorf("%T(9) prints %q", unknown, unknown)
		}
	}
}

func TestListedWordsBelongToTheCaller(t *testing.T) {
	for _, list := range []func() []string{Strategies, HostHeaders, AccessLogs, HealthTypes} {
		first := list()[0]
		list()[0] = "overwritten"
		if list()[0] != first {
			t.Errorf("a caller changed the words to %v", list())
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"port", "pid-file", "host", "backend", "b"}
	for word, want := range map[string]string{
		"prot":     "port", // two neighbours swapped
		"backedn":  "backend",
		"BACKENDS": "backend",
		"pidfile":  "pid-file",
		"hots":     "host",
		"ost":      "host",
		"a":        "b",
		"":         "b",
		"metrics":  "",
		"tls":      "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"kitten", "sitting", 3},
		{"ab", "ba", 1},
		{"abcdef", "abcdef", 0},
		{"ca", "abc", 3}, // a swapped pair is not edited again
	} {
		if got := editDistance(c.a, c.b, 9); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := editDistance(c.b, c.a, 9); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestReasonsHaveWords(t *testing.T) {
	seen := map[string]Reason{NoReason.String(): NoReason}
	for _, r := range Reasons() {
		word := r.String()
		if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_") != "" || word == "" {
			t.Errorf("reason %d: %q is not a word", r, word)
		}
		if other, taken := seen[word]; taken {
			t.Errorf("reasons %d and %d share the word %q", other, r, word)
		}
		seen[word] = r
		if s := r.Status(); s != 0 && (s < 400 || s > 504) {
			t.Errorf("%v: status %d", r, s)
		}
	}
	if len(seen) != int(reasonCount) {
		t.Errorf("%d words for %d reasons", len(seen), reasonCount)
	}
	if reasonCount.String() != "unknown" || reasonCount.Status() != 0 {
		t.Errorf("beyond the last reason: %v, %d", reasonCount, reasonCount.Status())
	}
}

// RFC 9209 §2.3 recommends these codes.
func TestReasonStatus(t *testing.T) {
	for r, want := range map[Reason]int{
		NoReason: 0, ConnectionRefused: 502, ConnectionTimeout: 504, ConnectionTerminated: 502, DestinationUnavailable: 503,
		HTTPResponseTimeout: 504, HTTPResponseIncomplete: 502, DNSError: 502, DNSTimeout: 504, ProxyInternalError: 500,
		ConnectionLimitReached: 503, ClientClosed: 0,
	} {
		if got := r.Status(); got != want {
			t.Errorf("%v: status %d, want %d", r, got, want)
		}
	}
}
