package actors

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"lb/messages"
	"lb/proxy"
)

// accessLog writes a line for each exchange that it is told of. Exchanges that failed are warnings. It is for one worker's
// thread: that is where a line costs most, so that its fields are appended here in one go, and the logger, which would take
// three times as long for a call per field, makes what is around them.
func accessLog(log zerolog.Logger) func(*proxy.Access) {
	log = named(log, "access")
	var fields []byte
	return func(a *proxy.Access) {
		e := log.Info()
		if a.Reason != messages.NoReason || a.Status >= 500 {
			e = log.Warn()
		}
		if e.Enabled() {
			fields = appendAccess(fields[:0], a)
			e.RawJSON("request_id", fields).Msg("exchange")
		}
	}
}

// appendAccess appends the value of request_id, and behind it the other fields.
func appendAccess(b []byte, a *proxy.Access) []byte {
	b = appendString(b, a.RequestID)
	b = appendAddress(append(b, `,"client":"`...), a.Client)
	b = appendString(append(b, `","method":`...), a.Method)
	b = appendString(append(b, `,"host":`...), a.Host)
	b = appendString(append(b, `,"path":`...), a.Path)
	b = append(append(b, `,"protocol":"`...), a.Protocol...)
	b = strconv.AppendInt(append(b, `","status":`...), int64(a.Status), 10)
	b = strconv.AppendInt(append(b, `,"bytes_in":`...), a.BytesIn, 10)
	b = strconv.AppendInt(append(b, `,"bytes_out":`...), a.BytesOut, 10)
	b = appendMilliseconds(append(b, `,"duration_ms":`...), a.Duration)
	b = appendMilliseconds(append(b, `,"ttfb_ms":`...), a.TTFB)
	b = appendString(append(b, `,"backend":`...), a.Backend)
	b = strconv.AppendInt(append(b, `,"attempts":`...), int64(a.Attempts), 10)
	if a.Reason != messages.NoReason {
		b = append(append(append(b, `,"error":"`...), a.Reason.String()...), '"')
	}
	if a.Detail != "" {
		b = appendString(append(b, `,"detail":`...), a.Detail)
	}
	return b
}

// appendString appends a JSON string. All but the rarest is plain.
func appendString[T string | []byte](b []byte, s T) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(string(s)) // of a string: never fails
			return append(b, quoted...)
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}

// appendAddress appends it as netip.AddrPort.String tells it: an invalid one, too.
func appendAddress(b []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return append(b, a.String()...)
	}
	return a.AppendTo(b)
}

// appendMilliseconds appends a JSON number with as many of its three digits behind the point as are needed.
func appendMilliseconds(b []byte, d time.Duration) []byte {
	us := max(d.Microseconds(), 0)
	b = strconv.AppendInt(b, us/1000, 10)
	rest := us % 1000
	if rest == 0 {
		return b
	}
	b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
