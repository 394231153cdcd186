package h2

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// Whatever fields come in whatever order, and however the table changes its size, the server reads what was meant:
// what we know of the table is what it has.
func TestServerReadsTheFieldsThatWereMeant(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var e encoder
		e.open()
		decoder := hpack.NewDecoder(tableSize, nil)
		for range 2000 {
			if random.IntN(100) == 0 {
				e.resize(uint32([]int{0, 100, 300, tableSize, 1 << 20}[random.IntN(5)]))
			}
			r := anyRequest(random)
			block := e.request(r, []byte("/a"), "http")
			got, err := decoder.DecodeFull(block)
			if err != nil {
				t.Fatal(err)
			}
			expectFields(t, got[4:], r.Fields[1:])
		}
	}
}

// anyRequest has up to 30 fields, some of which come often, with values small and large.
func anyRequest(random *rand.Rand) *semantics.Request {
	methods := []string{"GET", "HEAD", "POST", "BREW"}
	r := &semantics.Request{Method: []byte(methods[random.IntN(len(methods))])}
	add := func(name, value string) {
		r.Fields = append(r.Fields, semantics.Field{
			Name: []byte(name), Value: []byte(value), Kind: semantics.KindOf([]byte(name)),
		})
	}
	add("host", "h")
	for range random.IntN(30) {
		name := fmt.Sprintf("x-%d", random.IntN(20))
		switch random.IntN(4) {
		case 0:
			add(name, fmt.Sprint(random.IntN(3)))
		case 1:
			add("accept-encoding", "gzip, deflate") // in the static table
		case 2:
			add(name, fmt.Sprintf("%0*d", random.IntN(longWord+50), random.IntN(3)))
		case 3:
			add("cookie", fmt.Sprint(random.IntN(3)))
		}
	}
	return r
}

func expectFields(t *testing.T, got []hpack.HeaderField, want []semantics.Field) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d fields, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Name != string(want[i].Name) || got[i].Value != string(want[i].Value) {
			t.Fatalf("got %v, want %s: %s", got[i], want[i].Name, want[i].Value)
		}
	}
}
