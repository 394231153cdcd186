package actors

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What of resolv.conf(5) counts, and how far.
const (
	maxServers   = 3
	maxSearch    = 16
	maxDots      = 15
	dnsPort      = 53
	firstTimeout = time.Second // of one exchange; longer ones of resolv.conf would leave no time for the next server
)

// resolvConf is how names are to be asked for.
type resolvConf struct {
	servers []netip.AddrPort
	search  []string // domains, absolute
	dots    int      // a name with fewer is tried in the domains first
	timeout time.Duration
}

// parseResolvConf reads a resolv.conf(5). What is wrong in it is ignored, as everybody does; a file without a server means
// one on this host.
func parseResolvConf(text string) resolvConf {
	conf := resolvConf{dots: 1, timeout: firstTimeout}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line, _, _ = strings.Cut(line, ";")
		if words := strings.Fields(line); len(words) > 1 {
			conf.take(words[0], words[1:])
		}
	}
	if len(conf.servers) == 0 {
		conf.servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)}
	}
	return conf
}

func (c *resolvConf) take(keyword string, words []string) {
	switch keyword {
	case "nameserver":
		if a, err := netip.ParseAddr(words[0]); err == nil && len(c.servers) < maxServers {
			c.servers = append(c.servers, netip.AddrPortFrom(a, dnsPort))
		}
	case "search", "domain":
		c.search = nil
		for _, domain := range words[:min(len(words), maxSearch)] {
			if domain = strings.TrimSuffix(domain, "."); domain != "" {
				c.search = append(c.search, domain+".")
			}
		}
	case "options":
		for _, option := range words {
			c.option(option)
		}
	}
}

func (c *resolvConf) option(option string) {
	name, value, _ := strings.Cut(option, ":")
	if n, err := strconv.Atoi(value); err == nil && name == "ndots" {
		c.dots = min(max(n, 0), maxDots)
	}
}

// candidates are the full names that a name may be short for, the likeliest first. A dot at the end makes a name full.
func (c *resolvConf) candidates(name string) []string {
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	list := make([]string, 0, len(c.search)+1)
	for _, domain := range c.search {
		list = append(list, name+"."+domain)
	}
	if strings.Count(name, ".") >= c.dots {
		return slices.Insert(list, 0, name+".")
	}
	return append(list, name+".")
}

// hostsEntries finds all addresses of a name in a hosts(5) file.
func hostsEntries(text, host string) (found []netip.Addr) {
	host = strings.TrimSuffix(host, ".")
	named := func(word string) bool { return strings.EqualFold(strings.TrimSuffix(word, "."), host) }
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 || !slices.ContainsFunc(words[1:], named) {
			continue
		}
		if a, err := netip.ParseAddr(words[0]); err == nil {
			found = append(found, a.Unmap())
		}
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found)
}
