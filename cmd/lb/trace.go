package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"lb/proxy"
)

// What is traced goes to stderr, so that it does not mix with the log on stdout.

// Bounds of what waits for a slow reader of stderr: some bodies in a row, at four bytes of text for one of theirs.
const (
	maxQueuedEntries    = 4096
	maxQueuedTraceBytes = 16 << 20
)

// traceSettings say what is shown.
type traceSettings struct {
	Payloads   bool   `json:"payloads,omitempty"`
	Handshakes bool   `json:"handshakes,omitempty"`
	Secrets    bool   `json:"secrets,omitempty"`
	Filter     string `json:"filter,omitempty"`
}

func traceFlags() []cli.Flag {
	return []cli.Flag{
		newToggle(onTracing, "trace", "t", "show on stderr what is received and sent, in hex and text"),
		newToggle(onTracing, "tls-trace", "", "show on stderr what each TLS handshake settles, or why it fails"),
		text(onTracing, "trace-filter", "", "", "only connections whose client or backend has this `TEXT` in its address"),
		newToggle(onTracing, "trace-secrets", "", "show Authorization, Cookie and the like as they are"),
	}
}

func (r *reader) trace() traceSettings {
	t := traceSettings{
		Payloads: r.values.Bool("trace"), Handshakes: r.values.Bool("tls-trace"), Secrets: r.values.Bool("trace-secrets"),
		Filter: r.values.String("trace-filter"),
	}
	if !t.any() && (t.Secrets || t.Filter != "") {
		r.keep(errors.New("--trace-filter and --trace-secrets are of use with --trace or --tls-trace only"))
	}
	return t
}

func (t traceSettings) any() bool { return t.Payloads || t.Handshakes }

// openTrace makes a tracer that writes to stderr, and waits for nobody. It is nil when nothing is to be shown.
func (p *program) openTrace(t traceSettings, log *logbook) (tracer *proxy.Tracer, end func()) {
	if !t.any() {
		return nil, func() {}
	}
	w := newLineWriter(p.stderr, traceForm, log.goroutines.Go)
	return &proxy.Tracer{
		Payloads: t.Payloads, Handshakes: t.Handshakes, Filter: t.Filter, Secrets: t.Secrets,
		Write: func(entry []byte) { _, _ = w.Write(entry) }, // it never fails
	}, func() { w.Close(flushTime) }
}

var traceForm = lineForm{
	lines: maxQueuedEntries, bytes: maxQueuedTraceBytes, together: maxLine,
	fit:     func(entry []byte) []byte { return entry },
	missing: func(n uint64) []byte { return fmt.Appendf(nil, "%d entries are missing: stderr is too slow\n", n) },
}
