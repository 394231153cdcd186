package main

import (
	"errors"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"lb/messages"
)

// maxWorkers is far above the CPUs of any machine that lb runs on: each costs a thread and a socket.
const maxWorkers = 1024

// settings is all that the command line and the environment say.
type settings struct {
	config  messages.Config
	listen  listenOptions
	level   zerolog.Level
	pidFile string // "" for none
}

// readSettings returns the settings, or the first fault as a usageError.
func readSettings(c *cli.Context) (settings, error) {
	r := reader{values: c}
	s := settings{
		config: r.config(),
		listen: listenOptions{
			Host:    take(&r, "host", parseHost),
			Port:    take(&r, "port", parsePort),
			Workers: r.workers(),
		},
		level:   take(&r, "loglevel", parseLevel),
		pidFile: c.String("pid-file"),
	}
	take(&r, "mode", parseMode)
	if len(s.config.Backends) == 0 {
		r.keep(errors.New("no backend: name one with -b host:port"))
	}
	r.keep(s.config.Validate())
	return s, badUse(r.err)
}

// reader remembers the first fault, so that the readers need no error of their own.
type reader struct {
	values *cli.Context
	err    error
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// take reads the value of a flag by a function that is told the flag's name for its errors.
func take[T any](r *reader, flag string, parse func(subject, s string) (T, error)) T {
	value, err := parse("--"+flag, r.values.String(flag))
	r.keep(err)
	return value
}

func (r *reader) config() messages.Config {
	c := messages.DefaultConfig()
	c.Backends, c.TrustedProxies = r.backends(), r.trustedProxies()
	c.Strategy = take(r, "strategy", plain(messages.ParseStrategy))
	c.HostHeader = take(r, "host-header", plain(messages.ParseHostHeader))
	c.AccessLog = take(r, "access-log", plain(messages.ParseAccessLog))
	c.Timeouts = messages.Timeouts{
		Connect:  r.duration("connect-timeout"),
		Header:   r.duration("header-timeout"),
		Body:     r.duration("body-timeout"),
		Response: r.duration("response-timeout"),
		Idle:     r.duration("idle-timeout"),
		Tunnel:   r.duration("tunnel-timeout"),
	}
	c.Limits.HeaderBytes = int(take(r, "max-header-bytes", messages.ParseBytes))
	c.Limits.BodyBytes = take(r, "max-body-bytes", messages.ParseBytes)
	c.Limits.Connections = take(r, "max-connections", parseCount)
	return c
}

// plain fits a parser that names its subject itself.
func plain[T any](parse func(string) (T, error)) func(_, s string) (T, error) {
	return func(_, s string) (T, error) { return parse(s) }
}

func (r *reader) duration(flag string) time.Duration { return take(r, flag, messages.ParseDuration) }

func (r *reader) backends() []messages.Backend {
	var backends []messages.Backend
	for _, word := range split(r.values.StringSlice("backend")) {
		b, err := messages.ParseBackend(word)
		r.keep(err)
		r.keep(notYet(word, b.Scheme))
		backends = append(backends, b)
	}
	return backends
}

func (r *reader) trustedProxies() []netip.Prefix {
	var prefixes []netip.Prefix
	for _, word := range split(r.values.StringSlice("trusted-proxy")) {
		prefix, err := messages.ParsePrefix("--trusted-proxy", word)
		r.keep(err)
		prefixes = append(prefixes, prefix)
	}
	return prefixes
}

// split divides values at spaces. An empty value stays one, so that it is found at fault and not lost.
func split(values []string) []string {
	var words []string
	for _, value := range values {
		fields := strings.Fields(value)
		if len(fields) == 0 {
			fields = []string{value}
		}
		words = append(words, fields...)
	}
	return words
}

func (r *reader) workers() int {
	if !r.values.IsSet("workers") {
		return runtime.GOMAXPROCS(0)
	}
	word := r.values.String("workers")
	n, err := strconv.ParseUint(word, 10, 31)
	if err != nil || n < 1 || n > maxWorkers {
		r.keep(&messages.InvalidError{Subject: "--workers", Word: word, Why: "must be 1 to " + strconv.Itoa(maxWorkers)})
	}
	return int(n)
}

func parseCount(subject, s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, &messages.InvalidError{Subject: subject, Word: s, Why: "must be a number, 0 or more"}
	}
	return int(n), nil
}

func parsePort(subject, s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, &messages.InvalidError{Subject: subject, Word: s, Why: "must be 0 to 65535"}
	}
	return uint16(n), nil
}

// parseHost reads an IP address, in brackets or not. A name is refused: it could mean several addresses.
func parseHost(subject, s string) (netip.Addr, error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(bare)
	if err == nil {
		return addr, nil
	}
	fault := &messages.InvalidError{Subject: subject, Word: s, Why: "must be an IP address to listen on"}
	if strings.EqualFold(s, "localhost") {
		fault.Nearest = "127.0.0.1"
	}
	return netip.Addr{}, fault
}

func parseMode(subject, s string) (string, error) {
	switch strings.ToLower(s) {
	case "sp":
		return "sp", nil
	case "mp":
		return "", &messages.InvalidError{Subject: subject, Word: s, Why: "worker processes are not yet supported; use sp"}
	}
	near := messages.Nearest(s, []string{"sp"})
	return "", &messages.InvalidError{Subject: subject, Word: s, Why: "must be sp", Nearest: near}
}

// notYet refuses what parses and cannot be served so far.
func notYet(word string, scheme messages.Scheme) error {
	switch scheme {
	case messages.HTTPS:
		return &messages.InvalidError{Subject: "backend", Word: word, Why: "TLS to backends is not yet supported"}
	case messages.H2C:
		return &messages.InvalidError{Subject: "backend", Word: word, Why: "HTTP/2 to backends is not yet supported"}
	case messages.HTTP:
	}
	return nil
}
