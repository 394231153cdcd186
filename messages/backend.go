package messages

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// MaxWeight bounds the share of one backend against another of weight 1. Beyond it a mistyped digit is likelier than an
// intention.
const MaxWeight = 1000

// MaxExchanges is the largest limit of exchanges on one backend; far above what one server takes.
const MaxExchanges = 1_000_000

// tlsPort without a scheme means TLS: nobody runs clear text there on purpose.
const tlsPort = 443

// httpPort is what clear text without a port means.
const httpPort = 80

// Backend is a server that requests are forwarded to, as configured: a host name in it is not resolved.
type Backend struct {
	Scheme Scheme
	// Host is a host name in lower case or an IP address without brackets, in the form netip prints.
	Host string
	// Port is 1 to 65535; 0 under SRV, where DNS tells it.
	Port uint16
	// Weight is the share of requests under the weighted strategy, 1 to MaxWeight; 1 when not given.
	Weight int
	// Max is how many exchanges run on it at a time, over all workers; 0 is no limit.
	Max int
}

// ParseBackend reads host:port, http://host:port, https://host:port or h2c://host:port, IPv6 addresses in brackets,
// with attributes after commas: "127.0.0.1:9002,weight=2,max=100". Port 443 without a scheme means https. The port is never
// guessed. The error is an *InvalidError of one line.
func ParseBackend(s string) (Backend, error) {
	if s == "" {
		return Backend{}, badBackend(s, "empty")
	}
	address, attributes, hasAttributes := strings.Cut(s, ",")
	b, err := parseAddress(address)
	if err != nil {
		return Backend{}, err
	}
	b.Weight = 1
	if !hasAttributes {
		return b, nil
	}
	given := make(map[string]bool)
	for attribute := range strings.SplitSeq(attributes, ",") {
		if attribute == "" {
			return Backend{}, badBackend(s, "nothing follows a comma")
		}
		if err := b.setAttribute(attribute, given); err != nil {
			return Backend{}, err
		}
	}
	return b, nil
}

func parseAddress(s string) (b Backend, err error) {
	rest, schemeGiven := s, false
	if word, after, found := strings.Cut(s, "://"); found {
		scheme, err := ParseScheme(word)
		if err != nil {
			return b, withNearest(badBackend(s, "unknown scheme "+strconv.Quote(clip(word))), word, "://"+after)
		}
		b.Scheme, rest, schemeGiven = scheme, after, true
	}
	if b.Scheme == SRV {
		b.Host, err = serviceName(s, rest)
		return b, err
	}
	host, port, err := splitHostPort(s, rest)
	if err != nil {
		return b, err
	}
	if b.Port, err = parsePort(s, port); err != nil {
		return b, err
	}
	if b.Host, err = canonicalHost(s, host); err != nil {
		return b, err
	}
	if !schemeGiven && b.Port == tlsPort {
		b.Scheme = HTTPS
	}
	return b, nil
}

// splitHostPort takes "host:port" or "[address]:port" apart; whole is the word for the error.
func splitHostPort(whole, hostPort string) (host, port string, err error) {
	if i := strings.IndexAny(hostPort, "/?#"); i >= 0 {
		return "", "", badBackendNear(whole, "a backend has no path", strings.TrimSuffix(whole, hostPort[i:]))
	}
	if strings.Contains(hostPort, "@") {
		return "", "", badBackend(whole, "a backend has no user name")
	}
	if addr, e := netip.ParseAddr(hostPort); e == nil && addr.Is6() {
		return "", "", badBackend(whole, "no port; write an IPv6 address as [address]:port")
	}
	host, port, e := net.SplitHostPort(hostPort)
	switch {
	case e == nil && host == "":
		return "", "", badBackendNear(whole, "no host", "127.0.0.1:"+port)
	case e == nil && port == "", e != nil && !strings.Contains(strings.TrimPrefix(hostPort, "["), ":"):
		return "", "", badBackendNear(whole, "no port", strings.TrimSuffix(whole, ":")+":80")
	case e != nil && strings.HasSuffix(hostPort, "]"):
		return "", "", badBackendNear(whole, "no port", whole+":80")
	case e != nil:
		return "", "", badBackend(whole, "not host:port or [IPv6 address]:port")
	}
	return host, port, nil
}

func parsePort(whole, port string) (uint16, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || port[0] == '0' {
		return 0, badBackend(whole, "port "+strconv.Quote(clip(port))+" is not 1 to 65535")
	}
	return uint16(n), nil
}

// attributeWords are what may follow a backend, each as word=N.
var attributeWords = []string{"weight", "max"}

func (b *Backend) setAttribute(attribute string, given map[string]bool) error {
	fault := &InvalidError{Subject: "backend attribute", Word: attribute}
	name, value, _ := strings.Cut(attribute, "=")
	n, err := strconv.ParseUint(value, 10, 31)
	switch {
	case !slices.Contains(attributeWords, name):
		return unknownAttribute(attribute)
	case given[name]:
		fault.Why = name + " is given twice"
		return fault
	case name == "weight" && (err != nil || n < 1 || n > MaxWeight):
		fault.Why = weightRange
		return fault
	case name == "max" && (err != nil || n < 1 || n > MaxExchanges):
		fault.Why = maxRange
		return fault
	}
	given[name] = true
	if name == "weight" {
		b.Weight = int(n)
	} else {
		b.Max = int(n)
	}
	return nil
}

// unknownAttribute tells a list of backends from a misspelt attribute.
func unknownAttribute(attribute string) *InvalidError {
	fault := &InvalidError{Subject: "backend attribute", Word: attribute, Why: "only weight=N and max=N are known"}
	if _, err := parseAddress(attribute); err == nil {
		fault.Why += "; a list of backends is divided by spaces"
		return fault
	}
	name, value, _ := strings.Cut(attribute, "=")
	if fault.Nearest = Nearest(name, attributeWords); fault.Nearest != "" && value != "" {
		fault.Nearest += "=" + value
	}
	return fault
}

var (
	weightRange = "weight must be 1 to " + strconv.Itoa(MaxWeight)
	maxRange    = "max must be 1 to " + strconv.Itoa(MaxExchanges)
)

// ID is the identity of a backend: scheme, host and port, and nothing that a reload may change. Health, pools and
// metrics hang on it. Clear text HTTP shows no scheme ("127.0.0.1:9001"), save on port 443, where none would mean
// https.
func (b Backend) ID() string {
	if b.Scheme == HTTP && b.Port != tlsPort {
		return b.Address()
	}
	return b.Scheme.String() + "://" + b.Address()
}

// Address is "host:port" to resolve and connect to, IPv6 addresses in brackets; under SRV the name alone.
func (b Backend) Address() string {
	if b.Scheme == SRV {
		return b.Host
	}
	return net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
}

// Authority is what the backend is called in a request: its address without a port that its scheme implies
// (RFC 9110 §4.2.3).
func (b Backend) Authority() string {
	implied := uint16(httpPort)
	if b.Scheme == HTTPS {
		implied = tlsPort
	}
	if b.Port == implied {
		return strings.TrimSuffix(b.Address(), ":"+strconv.Itoa(int(b.Port)))
	}
	return b.Address()
}

// String returns the ID, a weight other than 1 and a limit, in the form that ParseBackend reads.
func (b Backend) String() string {
	text := b.ID()
	if b.Weight != 1 {
		text += ",weight=" + strconv.Itoa(b.Weight)
	}
	if b.Max != 0 {
		text += ",max=" + strconv.Itoa(b.Max)
	}
	return text
}

func badBackend(word, why string) *InvalidError {
	return &InvalidError{Subject: "backend", Word: word, Why: why}
}

func badBackendNear(word, why, nearest string) *InvalidError {
	return &InvalidError{Subject: "backend", Word: word, Why: why, Nearest: nearest}
}

// withNearest proposes the known scheme most like the one written.
func withNearest(e *InvalidError, scheme, rest string) *InvalidError {
	if near := Nearest(scheme, schemeWords); near != "" {
		e.Nearest = near + rest
	}
	return e
}
