package actors

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// FuzzOrder holds that an order is one whole JSON object that is not too large, with nothing unknown in it, and that a
// backend is the same however often its name is made out.
func FuzzOrder(f *testing.F) {
	for _, seed := range []string{
		`{"backend":"HTTP://A:80","weight":3}`, `{}`, `{"workers":4} {`, `{"x":1}`, `null`,
		`{"level":"debug","within":"3s"}`, `{"backend":"[::ffff:1.2.3.4]:080"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		request := httptest.NewRequest(http.MethodPost, "/drain", bytes.NewReader(body))
		o, err := readOrder(httptest.NewRecorder(), request)
		var fields map[string]json.RawMessage
		isObject := json.Unmarshal(body, &fields) == nil
		switch {
		case err == nil && (!isObject || len(body) > maxOrder):
			t.Fatalf("%q is taken for an order", body)
		case err != nil:
			return
		}
		if len(fields) > 5*2 { // a name in capitals is the same field
			t.Fatalf("%d fields are taken: %q", len(fields), body)
		}
		if id := backendID(o.Backend); backendID(id) != id {
			t.Fatalf("%q is %q, and that %q", o.Backend, id, backendID(id))
		}
	})
}
