package h1_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// addTranscripts makes the inputs of a transcript file the seeds of a fuzz target. They must come before the arguments.
func addTranscripts(f *testing.F, file string, arguments func(*transcript) []any) {
	f.Helper()
	for _, c := range readTranscripts(f, filepath.Join("testdata", file)) {
		if len(c.input) < 4096 {
			f.Add(append([]any{c.input}, arguments(&c)...)...)
		}
	}
}

// shortEnough bounds what is tried at every split.
const shortEnough = 600

func FuzzRequest(f *testing.F) {
	addTranscripts(f, "request.txt", func(*transcript) []any { return nil })
	f.Fuzz(func(t *testing.T, input []byte) {
		verdict := func(b []byte) string { return requestVerdict(b, &h1.Limits{}) }
		if len(input) < shortEnough {
			if split := prefixVerdict(t, input, verdict); split != verdict(input) {
				t.Fatalf("in pieces\n%swhole\n%s", split, verdict(input))
			}
		}
		var r semantics.Request
		n, err := h1.ParseRequest(input, &r, &h1.Limits{})
		if n == 0 {
			return
		}
		if err != nil || n > len(input) || !bytes.HasSuffix(input[:n], []byte("\r\n\r\n")) {
			t.Fatalf("n %d of %d, error %v", n, len(input), err)
		}
		checkRequest(t, &r)
		if r.Version == semantics.HTTP11 {
			again := h1.AppendRequestLine(nil, r.Method, r.Target)
			again = appendFields(again, r.Fields)
			if got, want := verdict(again), withoutRest(verdict(input)); got != want {
				t.Fatalf("written and read again\n%swas\n%s", got, want)
			}
		}
		compareRequest(t, bytes.TrimLeft(input[:n], "\r\n"), &r)
	})
}

// checkRequest holds r against what a caller may rely on.
func checkRequest(t *testing.T, r *semantics.Request) {
	t.Helper()
	if !semantics.IsToken(r.Method) || len(r.Target) == 0 || bytes.ContainsAny(r.Target, " \t\r\n\x00#") {
		t.Fatalf("method %q, target %q", r.Method, r.Target)
	}
	if !bytes.HasSuffix(r.Target, r.Path) || bytes.ContainsAny(r.Authority, "/@ ") {
		t.Fatalf("target %q, authority %q, path %q", r.Target, r.Authority, r.Path)
	}
	count := checkFields(t, r.Fields)
	if hosts := count[semantics.Host]; hosts > 1 || hosts == 0 && r.Version != semantics.HTTP10 {
		t.Fatalf("%d hosts", hosts)
	}
	checkFraming(t, r.Length, count)
	if bytes.ContainsAny(r.Host, " ,/@\\") {
		t.Fatalf("host %q", r.Host)
	}
}

func checkFraming(t *testing.T, length int64, count map[semantics.Kind]int) {
	t.Helper()
	lengths, codings := count[semantics.ContentLength], count[semantics.TransferEncoding]
	unfounded := length > 0 && lengths == 0 || length == semantics.Chunked && codings == 0
	if unfounded || lengths > 1 || lengths+min(codings, 1) > 1 {
		t.Fatalf("length %d of %d content-lengths and %d transfer-encodings", length, lengths, codings)
	}
}

func checkFields(t *testing.T, fields []semantics.Field) map[semantics.Kind]int {
	t.Helper()
	count := map[semantics.Kind]int{}
	for i := range fields {
		f := &fields[i]
		count[f.Kind]++
		trimmed := semantics.TrimOWS(f.Value)
		if !semantics.IsToken(f.Name) || len(trimmed) != len(f.Value) || bytes.ContainsAny(f.Value, "\r\n\x00\x7f") {
			t.Fatalf("field %q: %q", f.Name, f.Value)
		}
		if f.Kind != semantics.KindOf(f.Name) {
			t.Fatalf("field %q is of kind %d", f.Name, f.Kind)
		}
	}
	return count
}

func appendFields(dst []byte, fields []semantics.Field) []byte {
	for i := range fields {
		dst = h1.AppendField(dst, fields[i].Name, fields[i].Value)
	}
	return append(dst, "\r\n"...)
}

func FuzzResponse(f *testing.F) {
	addTranscripts(f, "response.txt", func(c *transcript) []any { return []any{c.has("HEAD")} })
	f.Fuzz(func(t *testing.T, input []byte, head bool) {
		verdict := func(b []byte) string { return responseVerdict(b, head, &h1.Limits{}) }
		if len(input) < shortEnough {
			if split := prefixVerdict(t, input, verdict); split != verdict(input) {
				t.Fatalf("in pieces\n%swhole\n%s", split, verdict(input))
			}
		}
		var r semantics.Response
		n, err := h1.ParseResponse(input, &r, head, &h1.Limits{})
		if err != nil && err.Status != 502 {
			t.Fatalf("status %d for a response", err.Status)
		}
		if n == 0 {
			return
		}
		if err != nil || n > len(input) || !bytes.HasSuffix(input[:n], []byte("\r\n\r\n")) {
			t.Fatalf("n %d of %d, error %v", n, len(input), err)
		}
		checkResponse(t, &r, head)
		if r.Version == semantics.HTTP11 && r.Reason != nil {
			again := h1.AppendStatusLine(nil, r.Status, r.Reason)
			again = appendFields(again, r.Fields)
			if got, want := verdict(again), withoutRest(verdict(input)); got != want {
				t.Fatalf("written and read again\n%swas\n%s", got, want)
			}
		}
		compareResponse(t, input[:n], &r, head)
	})
}

// checkResponse holds r against what a caller may rely on.
func checkResponse(t *testing.T, r *semantics.Response, head bool) {
	t.Helper()
	if r.Status < 100 || r.Status > 999 || bytes.ContainsAny(r.Reason, "\r\n\x00") {
		t.Fatalf("status %d %q", r.Status, r.Reason)
	}
	if !semantics.BodyAllowed(head, r.Status) && r.Length != 0 || r.KeepAlive && r.Length == semantics.UntilClose {
		t.Fatalf("status %d, body %d, keep-alive %v", r.Status, r.Length, r.KeepAlive)
	}
	checkFraming(t, r.Length, checkFields(t, r.Fields))
}

func FuzzBody(f *testing.F) {
	addTranscripts(f, "body.txt", func(c *transcript) []any { return []any{c.length()} })
	f.Fuzz(func(t *testing.T, input []byte, length int64) {
		length = max(length, semantics.UntilClose)
		whole := bodyVerdict(length, input)
		if len(input) < shortEnough {
			if split := splitBodyVerdict(t, length, input); split != whole {
				t.Fatalf("in pieces\n%swhole\n%s", split, whole)
			}
		}
		data, body := readBody(t, length, input)
		if body.Done() != (body.EOF() == nil) && length != semantics.UntilClose {
			t.Fatalf("done %v, but %v at the end", body.Done(), body.EOF())
		}
		if length > 0 && int64(len(data))+body.Remaining() != length {
			t.Fatalf("%d bytes read and %d to come of %d", len(data), body.Remaining(), length)
		}
		if length == semantics.Chunked && body.Done() {
			compareChunks(t, input, data)
			again := writeChunks(data, body.Trailers())
			got, second := readBody(t, length, again)
			if !bytes.Equal(got, data) || !second.Done() {
				t.Fatalf("written and read again: %q, was %q", got, data)
			}
			if third := writeChunks(got, second.Trailers()); !bytes.Equal(third, again) {
				t.Fatalf("written twice: %q, was %q", third, again)
			}
		}
	})
}

// readBody takes all of the input that is of the body, or that comes before its first mistake.
func readBody(t *testing.T, length int64, b []byte) (data []byte, body h1.Body) {
	t.Helper()
	body = h1.NewBody(length)
	for len(b) > 0 && !body.Done() {
		d, n, err := body.Next(b)
		if n > len(b) || len(d) > n || n == 0 || len(d) == 0 && n < len(b) && !body.Done() {
			t.Fatalf("%d bytes of data, %d of %d taken", len(d), n, len(b))
		}
		if err != nil {
			if _, _, again := body.Next(b); again != err {
				t.Fatalf("%v does not stick: %v", err, again)
			}
			return data, body
		}
		data = append(data, d...)
		b = b[n:]
	}
	return data, body
}

// writeChunks writes chunks of at most seventeen bytes, so that some sizes have two digits.
func writeChunks(data []byte, trailers []semantics.Field) (out []byte) {
	for chunk := range slices.Chunk(data, 17) {
		out = h1.AppendChunkHead(out, len(chunk))
		out = append(append(out, chunk...), "\r\n"...)
	}
	return h1.AppendTrailers(out, trailers)
}
