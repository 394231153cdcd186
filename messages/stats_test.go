package messages

import (
	"reflect"
	"testing"
	"time"
)

// Every counter is in the sum, a field that is new as well.
func TestStatsAddLeavesNothingOut(t *testing.T) {
	one, two := numbered(1), numbered(2)
	if got := one.Add(one); !reflect.DeepEqual(got, two) {
		t.Errorf("sum\n%+v, want\n%+v", got, two)
	}
	if !reflect.DeepEqual(one, numbered(1)) {
		t.Error("Add changed what it was given")
	}
}

// numbered has a different number in each field, times a factor.
func numbered(factor int64) Stats {
	s := Stats{Backends: map[string]*BackendStats{"127.0.0.1:9001": {}}}
	n := int64(0)
	fill(reflect.ValueOf(&s).Elem(), &n, factor)
	fill(reflect.ValueOf(s.Backends["127.0.0.1:9001"]).Elem(), &n, factor)
	return s
}

func fill(v reflect.Value, n *int64, factor int64) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n, factor)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n, factor)
		}
	case reflect.Uint64:
		*n++
		v.SetUint(uint64(*n * factor))
	case reflect.Int64:
		*n++
		v.SetInt(*n * factor)
	}
}

func TestStatsOfAnEndedWorkerHaveNoPresentNumbers(t *testing.T) {
	live := numbered(1)
	past := live.Idle()
	b := past.Backends["127.0.0.1:9001"]
	if past.Active != 0 || past.InFlight != 0 || b.InFlight != 0 || b.Pool.Open != 0 || b.Pool.Idle != 0 {
		t.Errorf("present numbers are left: %+v", past)
	}
	if past.Accepted != live.Accepted || b.Pool.Connects != live.Backends["127.0.0.1:9001"].Pool.Connects {
		t.Error("counters are lost")
	}
	if live.Backends["127.0.0.1:9001"].InFlight == 0 {
		t.Error("Idle changed what it was called on")
	}
}

func TestStatsRetainEndsTheCountersOfOtherBackends(t *testing.T) {
	s := numbered(1).Idle()
	s.Backends["gone:1"] = &BackendStats{}
	s.Retain([]Member{{Backend: Backend{Host: "127.0.0.1", Port: 9001}}, {Backend: Backend{Host: "new", Port: 1}}})
	if len(s.Backends) != 1 || s.Backends["127.0.0.1:9001"] == nil {
		t.Errorf("left: %v", s.Backends)
	}
}

func TestStatsTotal(t *testing.T) {
	s := Stats{}
	s.Requests[0][2], s.Requests[1][5] = 3, 4
	if s.Total() != 7 {
		t.Errorf("total %d, want 7", s.Total())
	}
}

func TestHistogramBoundsBelongToTheirBucket(t *testing.T) {
	var h Histogram
	for _, bound := range HistogramBounds() {
		h.Observe(bound)
		h.Observe(bound + 1)
	}
	want := [len(bounds) + 1]uint64{1}
	for i := 1; i < len(bounds); i++ {
		want[i] = 2
	}
	want[len(bounds)] = 1
	if h.Buckets != want || h.Count() != 2*uint64(len(bounds)) {
		t.Errorf("buckets %v of %d, want %v", h.Buckets, h.Count(), want)
	}
	sum := time.Duration(len(bounds))
	for _, bound := range HistogramBounds() {
		sum += 2 * bound
	}
	if h.Sum != sum {
		t.Errorf("sum %v, want %v", h.Sum, sum)
	}
}
