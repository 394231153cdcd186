package messages

import (
	"net/netip"
	"strconv"
	"time"
)

// MaxBackends bounds a configuration; the pick of a backend may look at each of them.
const MaxBackends = 1024

// Config is all that decides how requests are forwarded. It is complete: nothing in it is filled in later.
type Config struct {
	// Backends has 1 to MaxBackends entries, no two of one ID. Their order is the order of round robin.
	Backends []Backend
	Strategy Strategy
	Timeouts Timeouts
	Limits   Limits
	// TrustedProxies are the networks whose X-Forwarded-* fields are kept and appended to; all others' are dropped.
	TrustedProxies []netip.Prefix
	HostHeader     HostHeader
	AccessLog      AccessLog
	Health         Health
	// FailOpen sends requests to backends that are down when no other is left.
	FailOpen bool
	// SlowStart is the time over which the share of a backend that has come back grows to its full size; 0: at once.
	SlowStart time.Duration
	// HashKey is what the hash strategy goes by.
	HashKey Key
	// TLS is for the backends that have it.
	TLS TLS
	// Sticky is the name of a cookie that keeps a client on its backend, whatever the strategy; empty: none.
	Sticky string
}

// DefaultConfig returns the configuration that a user who sets nothing gets. It has no backend, so it is not yet valid.
func DefaultConfig() Config {
	return Config{Timeouts: DefaultTimeouts(), Limits: DefaultLimits(), Health: DefaultHealth()}
}

// Validate says in one line what is wrong first, naming the offending word; nil when the configuration can be served.
// Every error is an *InvalidError.
func (c Config) Validate() error {
	if err := validateBackends(c.Backends); err != nil {
		return err
	}
	if err := c.TLS.validatePair(); err != nil {
		return err
	}
	return c.validateRest()
}

// validateRest looks at all but the backends.
func (c Config) validateRest() error {
	if err := c.Timeouts.Validate(); err != nil {
		return err
	}
	if err := c.Limits.Validate(); err != nil {
		return err
	}
	if err := c.Health.Validate(); err != nil {
		return err
	}
	if c.SlowStart < 0 || c.SlowStart > MaxTimeout {
		return &InvalidError{Subject: "slow start", Word: c.SlowStart.String(), Why: "must be 0s to 720h"}
	}
	if err := c.TLS.Validate(); err != nil {
		return err
	}
	if err := c.HashKey.Validate(); err != nil {
		return err
	}
	if err := validateSticky(c.Sticky); err != nil {
		return err
	}
	return c.validateChoices()
}

func validateBackends(backends []Backend) error {
	if len(backends) == 0 {
		return &InvalidError{Subject: "no backend", Why: "nowhere to forward to"}
	}
	if len(backends) > MaxBackends {
		return &InvalidError{
			Subject: "backends", Word: strconv.Itoa(len(backends)), Why: "at most " + strconv.Itoa(MaxBackends),
		}
	}
	seen := make(map[string]bool, len(backends))
	for _, b := range backends {
		if err := b.Validate(); err != nil {
			return err
		}
		if seen[b.ID()] {
			return badBackend(b.ID(), "named twice")
		}
		seen[b.ID()] = true
	}
	return nil
}

// Validate returns an *InvalidError for a backend that ParseBackend could not have made.
func (b Backend) Validate() error {
	if b.Port == 0 && b.Scheme != SRV {
		return badBackend(b.String(), "port is not 1 to 65535")
	}
	if b.Weight < 1 || b.Weight > MaxWeight {
		return badBackend(b.String(), weightRange)
	}
	if b.Max < 0 || b.Max > MaxExchanges {
		return badBackend(b.String(), maxRange)
	}
	if parsed, err := ParseBackend(b.String()); err != nil || parsed != b {
		return badBackend(b.String(), "not a backend in its canonical form")
	}
	return nil
}

func (c Config) validateChoices() error {
	for _, choice := range []struct {
		subject string
		value   uint8
		known   []string
	}{
		{"strategy", uint8(c.Strategy), strategyWords},
		{"host header", uint8(c.HostHeader), hostHeaderWords},
		{"access log", uint8(c.AccessLog), accessLogWords},
	} {
		if int(choice.value) >= len(choice.known) {
			return unknownWord(choice.subject, wordAt(choice.known, choice.value), choice.known)
		}
	}
	for _, prefix := range c.TrustedProxies {
		if !prefix.IsValid() || prefix != prefix.Masked() {
			return &InvalidError{Subject: "trusted proxy", Word: prefix.String(), Why: "not a network such as 10.0.0.0/8"}
		}
	}
	return nil
}

// ParsePrefix reads a network as CIDR, or one address as the network of itself alone. Bits set behind the prefix length
// are refused, since they show that another network was meant. The error is an *InvalidError.
func ParsePrefix(subject, s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, &InvalidError{Subject: subject, Word: s, Why: "not a network such as 10.0.0.0/8"}
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, &InvalidError{
			Subject: subject, Word: s, Why: "bits are set behind the prefix length", Nearest: prefix.Masked().String(),
		}
	}
	return prefix, nil
}
