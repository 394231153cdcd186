package h1_test

import (
	"fmt"
	"strings"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// requestVerdict is all that a caller learns from ParseRequest, one part a line.
func requestVerdict(b []byte, lim *h1.Limits) string {
	var r semantics.Request
	n, err := h1.ParseRequest(b, &r, lim)
	if s, final := refusal(n, err); final {
		return s
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%q %q version %d\n", r.Method, r.Target, r.Version)
	fmt.Fprintf(&out, "path %q", r.Path)
	writePart(&out, " authority ", r.Authority)
	writePart(&out, " host ", r.Host)
	fmt.Fprintf(&out, "\n%s", lengthWord(r.Length))
	writeFlags(&out, "keep-alive", r.KeepAlive, "expect", r.Expect, "upgrade", r.Upgrade, "trailers", r.TrailersYes)
	writeFields(&out, r.Fields)
	return out.String() + rest(b[n:])
}

// responseVerdict is all that a caller learns from ParseResponse.
func responseVerdict(b []byte, head bool, lim *h1.Limits) string {
	var r semantics.Response
	n, err := h1.ParseResponse(b, &r, head, lim)
	if s, final := refusal(n, err); final {
		return s
	}
	var out strings.Builder
	fmt.Fprintf(&out, "version %d %d", r.Version, r.Status)
	writePart(&out, " ", r.Reason)
	fmt.Fprintf(&out, "\n%s", lengthWord(r.Length))
	writeFlags(&out, "keep-alive", r.KeepAlive, "date", r.HasDate, "interim", r.Interim())
	writeFields(&out, r.Fields)
	return out.String() + rest(b[n:])
}

// bodyVerdict is all that a caller learns from a Body that is given the pieces, one after the other, up to the end of
// the source. Each piece is spoilt as soon as its data is taken.
func bodyVerdict(length int64, pieces ...[]byte) string {
	body := h1.NewBody(length)
	var data, left []byte
	for _, piece := range pieces {
		b := append([]byte(nil), piece...)
		for len(b) > 0 && !body.Done() {
			d, n, err := body.Next(b)
			if err != nil {
				s := fmt.Sprintf("data %q\n%d %s\n", data, err.Status, err.Detail)
				if body.Done() || body.EOF() == nil {
					s += "refused, but done\n"
				}
				return s
			}
			data = append(data, d...)
			clear(b[:n])
			b = b[n:]
		}
		left = append(left, b...)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "data %q", data)
	writeFlags(&out, "done", body.Done())
	if err := body.EOF(); err != nil {
		fmt.Fprintf(&out, "%d %s, %d bytes known to come\n", err.Status, err.Detail, body.Remaining())
	}
	writeFields(&out, body.Trailers())
	return out.String() + rest(left)
}

func refusal(n int, err *h1.Error) (verdict string, final bool) {
	switch {
	case err != nil && n != 0:
		return fmt.Sprintf("refused, but %d bytes taken\n", n), true
	case err != nil:
		return fmt.Sprintf("%d %s\n", err.Status, err.Detail), true
	case n == 0:
		return "incomplete\n", true
	}
	return "", false
}

func writePart(out *strings.Builder, label string, part []byte) {
	if part != nil {
		fmt.Fprintf(out, "%s%q", label, part)
	}
}

func lengthWord(n int64) string {
	switch n {
	case semantics.Chunked:
		return "body chunked"
	case semantics.UntilClose:
		return "body until close"
	}
	return fmt.Sprintf("body %d", n)
}

// writeFlags ends a line with the names of those flags that are set.
func writeFlags(out *strings.Builder, pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1].(bool) {
			fmt.Fprintf(out, ", %s", pairs[i])
		}
	}
	out.WriteString("\n")
}

// writeFields writes a line for each field, with a minus when it goes no further than this hop.
func writeFields(out *strings.Builder, fields []semantics.Field) {
	for i := range fields {
		f := &fields[i]
		sign := "+"
		if !f.EndToEnd() {
			sign = "-"
		}
		fmt.Fprintf(out, "%s %q: %q\n", sign, f.Name, f.Value)
	}
}

func rest(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return fmt.Sprintf("rest %q\n", b)
}
