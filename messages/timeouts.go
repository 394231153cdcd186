package messages

import (
	"strings"
	"time"
)

// MaxTimeout is the longest time limit that can be set. Who wants a limit off sets this: it outlives every connection.
const MaxTimeout = 30 * 24 * time.Hour

// Timeouts bound how long lb waits for others. All are above 0 and at most MaxTimeout: a limit of nothing is no limit
// that a server on the open Internet survives.
type Timeouts struct {
	// Connect is the time until a connection to a backend stands; 5 s.
	Connect time.Duration
	// Header is the time from the first byte of a request head to its last; 10 s.
	Header time.Duration
	// Body is the longest silence inside a body, of a request or a response; 30 s.
	Body time.Duration
	// Response is the time from the end of a request to the first byte of its response; 60 s.
	Response time.Duration
	// Idle is how long a connection may wait for its next request (RFC 9112 §9.5); 60 s.
	Idle time.Duration
	// Tunnel is the longest silence, in both directions, of a connection after an upgrade (RFC 9110 §7.8); 1 h.
	Tunnel time.Duration
}

// DefaultTimeouts returns the times named at the fields.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		Connect:  5 * time.Second,
		Header:   10 * time.Second,
		Body:     30 * time.Second,
		Response: time.Minute,
		Idle:     time.Minute,
		Tunnel:   time.Hour,
	}
}

// Validate returns an *InvalidError for the first time that is out of range.
func (t Timeouts) Validate() error {
	for _, limit := range []struct {
		subject string
		value   time.Duration
	}{
		{"connect timeout", t.Connect},
		{"header timeout", t.Header},
		{"body timeout", t.Body},
		{"response timeout", t.Response},
		{"idle timeout", t.Idle},
		{"tunnel timeout", t.Tunnel},
	} {
		if err := validateTime(limit.subject, limit.value); err != nil {
			return err
		}
	}
	return nil
}

func validateTime(subject string, d time.Duration) error {
	if d < time.Millisecond || d > MaxTimeout {
		return &InvalidError{Subject: subject, Word: d.String(), Why: "must be 1ms to 720h"}
	}
	return nil
}

// ParseDuration reads a time with its unit, such as 500ms, 5s, 1m30s or 1h. A bare number is refused, as it could be
// seconds or milliseconds; the error proposes seconds. subject names the setting in the error, an *InvalidError.
func ParseDuration(subject, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err == nil && (d != 0 || s != "0") {
		return d, nil
	}
	fault := &InvalidError{Subject: subject, Word: s, Why: "not a time such as 500ms, 5s or 1h"}
	if _, err := time.ParseDuration(s + "s"); err == nil {
		fault.Nearest = s + "s"
	}
	return 0, fault
}

// FormatDuration writes a time in a form that ParseDuration reads, without units that are zero: 1m, 1h, 1m30s, 0s.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
