package messages

import (
	"net/netip"
	"strings"
)

// maxHostName is the longest name that DNS carries, written with dots (RFC 1035 §2.3.4); maxLabel the longest part.
const (
	maxHostName = 253
	maxLabel    = 63
)

// IsHost reports whether s is an IP address or a host name as a Backend has it: in lower case, and so that it can be looked
// up.
func IsHost(s string) bool {
	host, err := canonicalHost(s, s)
	return err == nil && host == s
}

// canonicalHost returns an IP address in netip's form or a host name in lower case, so that one server has one identity
// however it is written. whole is the word for the error.
func canonicalHost(whole, host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.String(), nil
	}
	name := strings.ToLower(host)
	if why := hostNameFault(name); why != "" {
		return "", badBackend(whole, why)
	}
	return name, nil
}

// hostNameFault says why a name cannot be resolved, or "". A name may end in a dot (it is then absolute) and may hold
// underscores, which container networks use although RFC 1123 §2.1 does not allow them.
func hostNameFault(name string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	if len(name) > maxHostName {
		return "host name longer than 253 bytes"
	}
	for _, label := range labels {
		if !validLabel(label) {
			return "not a host name or IP address"
		}
	}
	// A name whose last part is a number is an IPv4 address that did not parse, such as 256.1.1.1 or 10.0.0.
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "not an IP address"
	}
	return ""
}

func validLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
