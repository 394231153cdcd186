package messages

import (
	"strconv"
	"strings"
	"time"
)

// HealthType is how backends are probed.
type HealthType uint8

const (
	// HealthHTTP sends GET requests.
	HealthHTTP HealthType = iota
	// HealthTCP connects and closes.
	HealthTCP
	// HealthOff sends no probes: only requests tell the state of a backend.
	HealthOff
)

var healthTypeWords = []string{"http", "tcp", "off"}

// HealthTypes lists the words that ParseHealthType reads, in the order of the constants. The caller owns the slice.
func HealthTypes() []string { return append([]string(nil), healthTypeWords...) }

// ParseHealthType reads "http", "tcp" or "off", in any letter case. The error is an *InvalidError.
func ParseHealthType(s string) (HealthType, error) {
	i, err := indexOf("health type", s, healthTypeWords)
	return HealthType(i), err
}

// String returns the word that ParseHealthType reads.
func (t HealthType) String() string { return wordAt(healthTypeWords, uint8(t)) }

// Health is how backends are checked.
type Health struct {
	Type HealthType
	// Path of the request that probes; "/".
	Path string
	// Interval between two probes of a backend, spread by a tenth to both sides; 5 s.
	Interval time.Duration
	// Timeout of a probe; 2 s.
	Timeout time.Duration
	// Fall is how many failures in a row take a backend down, 0: it stays up; 3. Rise is how many successes bring it back; 2.
	Fall, Rise int
	// Lowest and Highest are the statuses of a healthy answer, both included; 100 to 499.
	Lowest, Highest int
}

// DefaultHealth returns the values named at the fields.
func DefaultHealth() Health {
	return Health{
		Path: "/", Interval: 5 * time.Second, Timeout: 2 * time.Second, Fall: 3, Rise: 2, Lowest: 100, Highest: 499,
	}
}

// Bounds of Health.Path in bytes, and of Health.Fall and Health.Rise.
const (
	MaxHealthPath = 1024
	MaxHealthRow  = 1000
)

// Validate returns an *InvalidError for the first value that is out of range.
func (h Health) Validate() error {
	if int(h.Type) >= len(healthTypeWords) {
		return unknownWord("health type", h.Type.String(), healthTypeWords)
	}
	if why := pathFault(h.Path); why != "" {
		return &InvalidError{Subject: "health path", Word: h.Path, Why: why}
	}
	if err := validateTime("health interval", h.Interval); err != nil {
		return err
	}
	if err := validateTime("health timeout", h.Timeout); err != nil {
		return err
	}
	if h.Fall < 0 || h.Fall > MaxHealthRow {
		return &InvalidError{Subject: "health fall", Word: strconv.Itoa(h.Fall), Why: "must be 0 to 1000"}
	}
	if h.Rise < 1 || h.Rise > MaxHealthRow {
		return &InvalidError{Subject: "health rise", Word: strconv.Itoa(h.Rise), Why: "must be 1 to 1000"}
	}
	if h.Lowest < 100 || h.Highest > 599 || h.Lowest > h.Highest {
		return &InvalidError{Subject: "health status", Word: FormatStatuses(h.Lowest, h.Highest), Why: statusRange}
	}
	return nil
}

// pathFault says why a path cannot stand in a request line (RFC 9112 §3.2.1), or "".
func pathFault(path string) string {
	switch {
	case !strings.HasPrefix(path, "/"):
		return "must begin with /"
	case len(path) > MaxHealthPath:
		return "longer than " + strconv.Itoa(MaxHealthPath) + " bytes"
	}
	for _, c := range []byte(path) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return "has a space, a fragment or a byte that must be percent-encoded"
		}
	}
	return ""
}

const statusRange = "not a status or range of them from 100 to 599, such as 200 or 200-399"

// ParseStatuses reads a status, "200", or a range of them, "200-399". subject names the setting in the error, an
// *InvalidError.
func ParseStatuses(subject, s string) (lowest, highest int, err error) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	low, errLow := strconv.ParseUint(first, 10, 16)
	high, errHigh := strconv.ParseUint(last, 10, 16)
	if errLow != nil || errHigh != nil || low < 100 || high > 599 || low > high {
		return 0, 0, &InvalidError{Subject: subject, Word: s, Why: statusRange}
	}
	return int(low), int(high), nil
}

// FormatStatuses writes what ParseStatuses reads.
func FormatStatuses(lowest, highest int) string {
	if lowest == highest {
		return strconv.Itoa(lowest)
	}
	return strconv.Itoa(lowest) + "-" + strconv.Itoa(highest)
}
