package actors

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolver finds what names stand for. It may be used by several goroutines; its methods block until the context ends.
type Resolver interface {
	// Addresses returns all addresses of a host name, at least one, and how long they hold.
	Addresses(ctx context.Context, host string) ([]netip.Addr, time.Duration, error)
	// Services returns what a service name lists (RFC 2782), at least one entry, and how long that holds.
	Services(ctx context.Context, name string) ([]Service, time.Duration, error)
}

// Service is one entry that a service name lists.
type Service struct {
	// Host is a host name in lower case, without a dot at its end.
	Host string
	Port uint16
	// Weight is 1 to messages.MaxWeight.
	Weight int
}

// Bounds of how long an answer of DNS holds: records of no time would have us ask without end, and those of days would
// keep us from noticing a move. What has no time of its own is looked up again after fixedTTL.
const (
	minTTL   = time.Second
	maxTTL   = 5 * time.Minute
	fixedTTL = 30 * time.Second
)

// StubResolver asks name servers, as it is they who tell how long an answer holds; Go's own resolver keeps that to itself.
// The zero value goes by the files of the system, which it reads anew for each lookup. Where there is no resolv.conf it
// leaves addresses to Go's resolver. Safe for use by several goroutines.
type StubResolver struct {
	// Servers to ask in place of those in resolv.conf.
	Servers []netip.AddrPort
	// ResolvConf and Hosts are the paths of files; /etc/resolv.conf and /etc/hosts when empty.
	ResolvConf, Hosts string
}

// Answers that are none: the name does not exist, or has no record of the type. Another candidate may.
var (
	errNoName   = errors.New("no such name")
	errNoRecord = fmt.Errorf("%w with an address", errNoName)
)

// Addresses implements Resolver. The hosts file comes first; names of localhost are never asked for (RFC 6761 §6.3).
func (s *StubResolver) Addresses(ctx context.Context, host string) ([]netip.Addr, time.Duration, error) {
	if found := s.fromHosts(host); len(found) > 0 {
		return found, fixedTTL, nil
	}
	if isLocal(host) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, fixedTTL, nil
	}
	conf, err := s.conf()
	if errors.Is(err, os.ErrNotExist) {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		return found, fixedTTL, err
	}
	if err != nil {
		return nil, 0, err
	}
	r, err := s.search(ctx, conf, host, dnsmessage.TypeA, dnsmessage.TypeAAAA)
	if err != nil {
		return nil, 0, fmt.Errorf("lookup %s: %w", host, err)
	}
	slices.SortFunc(r.addresses, netip.Addr.Compare)
	return slices.Compact(r.addresses), r.holds(), nil
}

// Services implements Resolver. Of several priorities only the most preferred one is used.
func (s *StubResolver) Services(ctx context.Context, name string) ([]Service, time.Duration, error) {
	conf, err := s.conf()
	if err != nil {
		return nil, 0, err
	}
	r, err := s.search(ctx, conf, name, dnsmessage.TypeSRV)
	if err == nil && len(r.services()) == 0 {
		err = errors.New("the service is not available (RFC 2782)")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("lookup %s: %w", name, err)
	}
	return r.services(), r.holds(), nil
}

// search asks for each full name that a name may be short for, until one has records of a type.
func (s *StubResolver) search(
	ctx context.Context, conf resolvConf, name string, types ...dnsmessage.Type,
) (*records, error) {
	err := errNoName
	for _, full := range conf.candidates(name) {
		var r *records
		if r, err = inquire(ctx, conf, full, types); err == nil {
			return r, nil
		}
		if !errors.Is(err, errNoName) {
			return nil, err
		}
	}
	return nil, err
}

func (s *StubResolver) conf() (resolvConf, error) {
	text, err := os.ReadFile(orDefault(s.ResolvConf, "/etc/resolv.conf"))
	if len(s.Servers) == 0 && err != nil {
		return resolvConf{}, err
	}
	conf := parseResolvConf(string(text))
	if len(s.Servers) > 0 {
		conf.servers = s.Servers
	}
	return conf, nil
}

func (s *StubResolver) fromHosts(host string) []netip.Addr {
	text, err := os.ReadFile(orDefault(s.Hosts, "/etc/hosts"))
	if err != nil {
		return nil
	}
	return hostsEntries(string(text), host)
}

func orDefault(path, otherwise string) string {
	if path == "" {
		return otherwise
	}
	return path
}

func isLocal(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
