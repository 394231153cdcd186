package messages

import (
	"net/netip"
	"strings"
	"time"
)

// Settings are all that a configuration file may set.
type Settings struct {
	Config Config
	Listen Listen
}

// Listen is where lb takes connections, and with how many event loops. It holds as long as lb runs.
type Listen struct {
	Host netip.Addr
	// Port is 0 for any free one.
	Port uint16
	// Workers is 1 to MaxWorkers; 0 for one per CPU.
	Workers int
}

// MaxWorkers is far above the CPUs of any machine that lb runs on: each costs a thread and a socket.
const MaxWorkers = 1024

// DefaultSettings returns what holds where nobody says anything.
func DefaultSettings() Settings {
	return Settings{Config: DefaultConfig(), Listen: Listen{Host: netip.IPv4Unspecified(), Port: 8080}}
}

// allSettings is the one list of what can be set, apart from the backends. Files are decoded by it, their schema is
// written from it, flags and changes are named by it.
var allSettings = []Setting{
	word("strategy", "how the next backend is picked", strategyWords, plain(ParseStrategy),
		func(s *Settings) *Strategy { return &s.Config.Strategy }),
	text("hash_key", "what the hash strategy goes by: client, header:Name or cookie:Name", plain(ParseKey), Key.String,
		func(s *Settings) *Key { return &s.Config.HashKey }),
	text("sticky", "name of a cookie that keeps a client on its backend; empty for none", verbatim, strings.Clone,
		func(s *Settings) *string { return &s.Config.Sticky }),
	word("host_header", "the Host that backends see", hostHeaderWords, plain(ParseHostHeader),
		func(s *Settings) *HostHeader { return &s.Config.HostHeader }),
	word("access_log", "the exchanges that get a log line", accessLogWords, plain(ParseAccessLog),
		func(s *Settings) *AccessLog { return &s.Config.AccessLog }),
	networks("trusted_proxies", "networks whose X-Forwarded-* fields are kept",
		func(s *Settings) *[]netip.Prefix { return &s.Config.TrustedProxies }),

	word("health.type", "how backends are probed; off: not at all", healthTypeWords, plain(ParseHealthType),
		func(s *Settings) *HealthType { return &s.Config.Health.Type }),
	text("health.path", "path of the request that probes", verbatim, strings.Clone,
		func(s *Settings) *string { return &s.Config.Health.Path }),
	statuses("health.status", "status of a healthy answer, or a range of them"),
	period("health.interval", "time between two probes of a backend",
		func(s *Settings) *time.Duration { return &s.Config.Health.Interval }),
	period("health.timeout", "time that a probe may take",
		func(s *Settings) *time.Duration { return &s.Config.Health.Timeout }),
	count("health.fall", "failures in a row that take a backend down; 0: it stays up", 0, MaxHealthRow,
		func(s *Settings) *int { return &s.Config.Health.Fall }),
	count("health.rise", "successes in a row that bring a backend back", 1, MaxHealthRow,
		func(s *Settings) *int { return &s.Config.Health.Rise }),
	toggle("health.fail_open", "use backends that are down when no other is left",
		func(s *Settings) *bool { return &s.Config.FailOpen }),
	period("health.slow_start", "time over which the share of a backend that has come back grows",
		func(s *Settings) *time.Duration { return &s.Config.SlowStart }),

	toggle("tls.insecure", "do not verify the certificates of backends",
		func(s *Settings) *bool { return &s.Config.TLS.Insecure }),
	text("tls.ca_file", "file of the authorities trusted instead of the system's, in PEM", verbatim, strings.Clone,
		func(s *Settings) *string { return &s.Config.TLS.CAFile }),
	text("tls.client_cert", "file of the certificate that is shown to backends, in PEM", verbatim, strings.Clone,
		func(s *Settings) *string { return &s.Config.TLS.ClientCert }),
	text("tls.client_key", "file of its key, in PEM", verbatim, strings.Clone,
		func(s *Settings) *string { return &s.Config.TLS.ClientKey }),
	text("tls.server_name", "name that certificates of backends must be for; their host when empty", verbatim, strings.Clone,
		func(s *Settings) *string { return &s.Config.TLS.ServerName }),

	period("timeouts.connect", "time to connect to a backend",
		func(s *Settings) *time.Duration { return &s.Config.Timeouts.Connect }),
	period("timeouts.header", "time to receive a request head",
		func(s *Settings) *time.Duration { return &s.Config.Timeouts.Header }),
	period("timeouts.body", "longest silence inside a body",
		func(s *Settings) *time.Duration { return &s.Config.Timeouts.Body }),
	period("timeouts.response", "time until a response's first byte",
		func(s *Settings) *time.Duration { return &s.Config.Timeouts.Response }),
	period("timeouts.idle", "time to keep a connection without a request",
		func(s *Settings) *time.Duration { return &s.Config.Timeouts.Idle }),
	period("timeouts.tunnel", "longest silence after an upgrade",
		func(s *Settings) *time.Duration { return &s.Config.Timeouts.Tunnel }),
	period("timeouts.queue", "time that a request waits for a backend below its max",
		func(s *Settings) *time.Duration { return &s.Config.Limits.QueueTime }),

	size("limits.header_bytes", "largest message head, 1KiB to 64KiB",
		func(s *Settings) *int { return &s.Config.Limits.HeaderBytes }),
	size("limits.body_bytes", "largest request body; 0: no limit",
		func(s *Settings) *int64 { return &s.Config.Limits.BodyBytes }),
	count("limits.connections", "client connections at a time; 0: no limit", 0, MaxCount,
		func(s *Settings) *int { return &s.Config.Limits.Connections }),
	count("limits.queue", "requests that wait at a time for a backend below its max", 1, MaxCount,
		func(s *Settings) *int { return &s.Config.Limits.Queue }),

	fixed(text("listen.host", "IP address to listen on", ParseListenHost, netip.Addr.String,
		func(s *Settings) *netip.Addr { return &s.Listen.Host })),
	fixed(count("listen.port", "port to listen on; 0: any free one", 0, 65535,
		func(s *Settings) *uint16 { return &s.Listen.Port })),
	fixed(count("listen.workers", "event loops; one per CPU when not given", 1, MaxWorkers,
		func(s *Settings) *int { return &s.Listen.Workers })),
}

// AllSettings lists what can be set, apart from the backends, in the order of the file's documentation. The caller owns
// the slice.
func AllSettings() []Setting { return append([]Setting(nil), allSettings...) }

// FindSetting returns the setting of a path such as "timeouts.connect".
func FindSetting(path string) (Setting, bool) {
	for _, s := range allSettings {
		if s.Path == path {
			return s, true
		}
	}
	return Setting{}, false
}

// ParseListenHost reads an IP address, in brackets or not. A name is refused: it could mean several addresses. The
// error is an *InvalidError.
func ParseListenHost(subject, s string) (netip.Addr, error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(bare)
	if err == nil {
		return addr, nil
	}
	fault := &InvalidError{Subject: subject, Word: s, Why: "must be an IP address to listen on"}
	if strings.EqualFold(s, "localhost") {
		fault.Nearest = "127.0.0.1"
	}
	return netip.Addr{}, fault
}
