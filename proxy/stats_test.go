package proxy

import (
	"slices"
	"testing"

	"lb/messages"
	"lb/proxy/semantics"
)

// The counters of package messages are indexed by methods of package semantics.
func TestMethodsAreNamedAlike(t *testing.T) {
	var names []string
	for m := semantics.MethodOther; m <= semantics.MethodPatch; m++ {
		names = append(names, m.String())
	}
	if !slices.Equal(names, messages.Methods()) {
		t.Errorf("semantics has %v, messages %v", names, messages.Methods())
	}
}

func TestClassOfAStatus(t *testing.T) {
	for status, want := range map[int]int{0: 0, 101: 1, 200: 2, 304: 3, 499: 4, 599: 5, 600: 0, 999: 0} {
		if got := classOf(status); got != want {
			t.Errorf("class of %d is %d, want %d", status, got, want)
		}
	}
}

// What the counters cost a request, all of them together.
func BenchmarkCountersOfARequest(b *testing.B) {
	l, err := NewLoop(nil)
	if err != nil {
		b.Fatal(err)
	}
	w := NewWorker(l, Options{})
	x := &exchange{worker: w, method: semantics.MethodGet, backend: &backend{}}
	b.ReportAllocs()
	for i := range b.N {
		x.backend.stats.InFlight++
		x.began = w.loop.Now() - int64(i&0xfffff)
		x.answers(200)
		x.left()
		w.count(x)
	}
}
