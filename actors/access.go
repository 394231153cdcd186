package actors

import (
	"time"

	"github.com/rs/zerolog"

	"lb/messages"
	"lb/proxy"
)

// accessLog writes a line for each exchange that it is told of. Exchanges that failed are warnings.
func accessLog(log zerolog.Logger) func(*proxy.Access) {
	log = named(log, "access")
	return func(a *proxy.Access) {
		e := log.Info()
		if a.Reason != messages.NoReason || a.Status >= 500 {
			e = log.Warn()
		}
		e.Str("request_id", a.RequestID).Stringer("client", a.Client).
			Str("method", a.Method).Str("host", a.Host).Str("path", a.Path).Str("protocol", a.Protocol).
			Int("status", a.Status).Int64("bytes_in", a.BytesIn).Int64("bytes_out", a.BytesOut).
			Float64("duration_ms", milliseconds(a.Duration)).Float64("ttfb_ms", milliseconds(a.TTFB)).
			Str("backend", a.Backend).Int("attempts", a.Attempts)
		if a.Reason != messages.NoReason {
			e.Stringer("error", a.Reason)
		}
		if a.Detail != "" {
			e.Str("detail", a.Detail)
		}
		e.Msg("exchange")
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
