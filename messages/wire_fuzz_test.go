package messages

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"testing"
	"testing/iotest"
)

// FuzzReadFrame holds that what comes over a link is a value or an error, the same however it is cut, and that a value is
// the same when it is sent on.
func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"beat","value":{"Number":4,"Tune":"a"}}`, `{"kind":"hymn","value":{}}`, `{"kind":"drain","value":null}`,
		`{"kind":"connections_moved"}`, `{"kind":"tunnel_moved","value":{"Began":"2026-01-02T03:04:05+01:00","Head":"AA=="}}`,
		`{"kind":"snapshot","value":null}`,
	} {
		f.Add([]byte(seed), true)
		f.Add(append(framed(`{"kind":"ready","value":{}}`), framed(seed)...), false)
	}
	for _, of := range wireValues {
		wire, err := AppendFrame(nil, filled(f, of))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire[frameHead:], true)
	}
	f.Fuzz(func(t *testing.T, input []byte, one bool) {
		if one {
			input = framed(string(input))
		}
		whole := hear(t, bytes.NewReader(input))
		if cut := hear(t, iotest.OneByteReader(bytes.NewReader(input))); cut != whole {
			t.Fatalf("at once\n%sbyte by byte\n%s", whole, cut)
		}
	})
}

// hear tells all that comes, up to the first error.
func hear(t *testing.T, r io.Reader) (said string) {
	t.Helper()
	for {
		value, err := ReadFrame(r)
		if err != nil {
			return said + err.Error() + "\n"
		}
		if value == nil {
			said += "unknown\n"
			continue
		}
		if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && v.IsNil() {
			t.Fatalf("a nil %T", value)
		}
		first, err := AppendFrame(nil, value)
		if err != nil {
			t.Fatalf("%#v cannot be sent: %v", value, err)
		}
		again, err := ReadFrame(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("%q cannot be read: %v", first, err)
		}
		if second, err := AppendFrame(nil, again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%q\nbecomes %q, %v", first, second, err)
		}
		said += fmt.Sprintf("%T %s\n", value, first)
	}
}
