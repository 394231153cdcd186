package actors

import (
	"math"
	"strconv"
	"time"

	"lb/messages"
)

// exposition is a text in the exposition format of Prometheus, version 0.0.4, while it is written.
type exposition struct{ text []byte }

// contentType of an exposition.
const expositionType = "text/plain; version=0.0.4; charset=utf-8"

// Kinds of metric families.
const (
	counterKind   = "counter"
	gaugeKind     = "gauge"
	histogramKind = "histogram"
)

// family begins a family; its samples follow.
func (e *exposition) family(name, kind, help string) {
	e.text = append(append(append(append(e.text, "# HELP "...), name...), ' '), help...)
	e.text = append(append(append(append(e.text, "\n# TYPE "...), name...), ' '), kind...)
	e.text = append(e.text, '\n')
}

// count writes a sample with a whole number. Labels come in pairs of name and value.
func (e *exposition) count(name string, value uint64, labels ...string) {
	e.name(name, labels)
	e.text = append(strconv.AppendUint(e.text, value, 10), '\n')
}

// level writes a sample with a present number.
func (e *exposition) level(name string, value float64, labels ...string) {
	e.name(name, labels)
	e.text = append(strconv.AppendFloat(e.text, value, 'g', -1, 64), '\n')
}

// flag writes a sample of 1 or 0.
func (e *exposition) flag(name string, value bool, labels ...string) {
	n := uint64(0)
	if value {
		n = 1
	}
	e.count(name, n, labels...)
}

// counter is a family of one sample without labels, gauge as well.
func (e *exposition) counter(name, help string, value uint64) {
	e.family(name, counterKind, help)
	e.count(name, value)
}

func (e *exposition) gauge(name, help string, value float64) {
	e.family(name, gaugeKind, help)
	e.level(name, value)
}

// histogram writes a family with the buckets that histogram_quantile reads: each counts all up to its bound.
func (e *exposition) histogram(name, help string, h *messages.Histogram) {
	e.family(name, histogramKind, help)
	var sum uint64
	for i, bound := range messages.HistogramBounds() {
		sum += h.Buckets[i]
		e.count(name+"_bucket", sum, "le", strconv.FormatFloat(bound.Seconds(), 'g', -1, 64))
	}
	e.count(name+"_bucket", h.Count(), "le", "+Inf")
	e.level(name+"_sum", h.Sum.Seconds())
	e.count(name+"_count", h.Count())
}

func (e *exposition) name(name string, labels []string) {
	e.text = append(e.text, name...)
	for i := 0; i+1 < len(labels); i += 2 {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		e.text = append(append(append(e.text, separator), labels[i]...), `="`...)
		e.text = append(appendEscaped(e.text, labels[i+1]), '"')
	}
	if len(labels) > 1 {
		e.text = append(e.text, '}')
	}
	e.text = append(e.text, ' ')
}

// appendEscaped appends a label's value.
func appendEscaped(dst []byte, value string) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '"':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// seconds of a time since 1970; 0 for the zero time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return math.Round(float64(t.UnixNano())/1e6) / 1e3
}
