package messages

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Bounds of Limits.HeaderBytes: below the first, ordinary browsers fail; the second is what one read of a loop holds.
const (
	MinHeaderBytes = 1 << 10
	MaxHeaderBytes = 64 << 10
)

// Limits bound how much lb takes from others.
type Limits struct {
	// HeaderBytes is the largest message head, start line and fields, in bytes; 32 KiB. RFC 9112 §3 and RFC 6585 §5.
	HeaderBytes int
	// BodyBytes is the largest request body in bytes; 0, the default, is no limit. RFC 9110 §15.5.14.
	BodyBytes int64
	// Connections is how many client connections the process holds at a time, over all workers; 0 is no limit but that
	// of the descriptors.
	Connections int
	// Queue is how many requests wait at a time for a backend below its Max, over all workers; 1 to MaxCount, 1,024.
	Queue int
	// QueueTime is how long a request waits at most; 1 s.
	QueueTime time.Duration
}

// DefaultLimits returns the limits named at the fields.
func DefaultLimits() Limits {
	return Limits{HeaderBytes: 32 << 10, Queue: 1024, QueueTime: time.Second}
}

// MaxCount is the largest number of connections, and of waiting requests, that can be set.
const MaxCount = 1 << 30

// Validate returns an *InvalidError for the first limit that is out of range.
func (l Limits) Validate() error {
	switch {
	case l.HeaderBytes < MinHeaderBytes || l.HeaderBytes > MaxHeaderBytes:
		word := FormatBytes(int64(l.HeaderBytes))
		return &InvalidError{Subject: "header limit", Word: word, Why: "must be 1KiB to 64KiB"}
	case l.BodyBytes < 0:
		return &InvalidError{Subject: "body limit", Word: FormatBytes(l.BodyBytes), Why: "must not be negative"}
	case l.Connections < 0 || l.Connections > MaxCount:
		return &InvalidError{Subject: "connection limit", Word: strconv.Itoa(l.Connections), Why: "must be 0 to 1073741824"}
	case l.Queue < 1 || l.Queue > MaxCount:
		return &InvalidError{Subject: "queue limit", Word: strconv.Itoa(l.Queue), Why: "must be 1 to 1073741824"}
	}
	return validateTime("queue timeout", l.QueueTime)
}

// units in which sizes are written. K, M and G alone are binary, as in nginx.
var units = []struct {
	suffix string
	bytes  int64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"k", 1 << 10},
	{"m", 1 << 20},
	{"g", 1 << 30},
	{"b", 1},
	{"", 1},
}

// ParseBytes reads a whole number of bytes, with or without a unit: 32768, 32KiB, 32k, 10MB, 1GiB. KiB, MiB, GiB and K,
// M, G are powers of 1024; KB, MB and GB of 1000. subject names the setting in the error, an *InvalidError.
func ParseBytes(subject, s string) (int64, error) {
	lower := strings.ToLower(s)
	for _, unit := range units {
		digits, found := strings.CutSuffix(lower, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n > uint64(math.MaxInt64/unit.bytes) {
			break
		}
		return int64(n) * unit.bytes, nil
	}
	return 0, &InvalidError{Subject: subject, Word: s, Why: "not a size such as 65536, 64KiB or 10MB"}
}

// FormatBytes writes a size in the largest binary unit that divides it, in a form that ParseBytes reads: 32KiB, 1500.
func FormatBytes(n int64) string {
	for _, unit := range []struct {
		suffix string
		bytes  int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n != 0 && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}
