package actors

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lb/messages"
)

// FuzzAccess holds that whatever a client sends stands in a line of the access log as a string of JSON, and nowhere else.
func FuzzAccess(f *testing.F) {
	for _, text := range []string{
		"", `/"a"\b`, "/\tand\x01\n", "/größe", "/\xff\xfe", "/<&>\x7f\u2028", `","status":200,"x":"`,
	} {
		f.Add([]byte(text), text, int64(len(text))*333333)
	}
	const fields = 17 // beside detail
	f.Fuzz(func(t *testing.T, sent []byte, detail string, number int64) {
		a := usual
		a.RequestID, a.Method, a.Host, a.Path, a.Backend, a.Detail = sent, sent, sent, sent, string(sent), detail
		a.Reason, a.Duration, a.BytesIn = messages.HTTPRequestError, time.Duration(number), number
		line := logged(&a)
		var got map[string]any
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		if err := decoder.Decode(&got); err != nil || decoder.More() || strings.ContainsAny(line, "\n\r\x1b") {
			t.Fatalf("%q is not one line of JSON: %v", line, err)
		}
		want := strings.ToValidUTF8(string(sent), "")
		for _, name := range []string{"request_id", "method", "host", "path", "backend"} {
			text, _ := got[name].(string)
			if strings.ReplaceAll(text, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
				t.Fatalf("%s is %q for %q", name, text, sent)
			}
		}
		milliseconds, err := got["duration_ms"].(json.Number).Float64()
		if exact := float64(max(number, 0)/1000) / 1000; err != nil || milliseconds != exact {
			t.Fatalf("%v are %v ms, %v", a.Duration, got["duration_ms"], err)
		}
		always := len(got)
		if _, told := got["detail"]; told != (detail != "") {
			t.Fatalf("detail %q: %s", detail, line)
		} else if told {
			always--
		}
		if always != fields {
			t.Fatalf("%d fields: %s", always, line)
		}
	})
}
