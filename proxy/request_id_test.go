package proxy

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/semantics"
)

// identified is an exchange of a peer that sends X-Request-Id fields with these values.
func identified(t testing.TB, w *Worker, values ...string) *exchange {
	t.Helper()
	r := &semantics.Request{}
	for _, v := range values {
		r.Fields = append(r.Fields, semantics.Field{Name: nameRequestID, Value: []byte(v), Kind: semantics.XRequestID})
	}
	x := &exchange{worker: w, client: &downstream.Conn{Peer: netip.MustParseAddrPort("192.0.2.1:1234")}}
	x.identify(r)
	return x
}

func newTestWorker(t testing.TB, trusted ...netip.Prefix) *Worker {
	t.Helper()
	l, err := NewLoop(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorker(l, Options{Number: 3})
	config := messages.DefaultConfig()
	config.TrustedProxies = trusted
	w.config = &config
	return w
}

func TestRequestIDOfATrustedPeerIsKept(t *testing.T) {
	w := newTestWorker(t, netip.MustParsePrefix("192.0.2.0/24"))
	if id := identified(t, w, "abc").id; string(id) != "abc" {
		t.Errorf("id %q, want the peer's", id)
	}
	for name, values := range map[string][]string{
		"none": nil, "empty": {""}, "two": {"a", "b"}, "too long": {strings.Repeat("x", maxRequestID+1)},
	} {
		if id := identified(t, w, values...).id; !bytes.Contains(id, []byte("-3-")) {
			t.Errorf("%s: id %q, want one of our own", name, id)
		}
	}
}

func TestRequestIDOfAStrangerIsReplaced(t *testing.T) {
	w := newTestWorker(t)
	first, second := identified(t, w, "abc").id, identified(t, w, "abc").id
	if bytes.Equal(first, second) || !bytes.HasSuffix(first, []byte("-3-1")) || !bytes.HasSuffix(second, []byte("-3-2")) {
		t.Errorf("ids %q and %q", first, second)
	}
}

func BenchmarkRequestID(b *testing.B) {
	x := identified(b, newTestWorker(b))
	r := &semantics.Request{}
	b.ReportAllocs()
	for b.Loop() {
		x.identify(r)
	}
}
