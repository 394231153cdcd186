package supervisor_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"lb/supervisor"
)

func TestHistoryKeepsTheLast(t *testing.T) {
	f := func(size, added int, want ...string) {
		t.Helper()
		h := supervisor.History{Size: size}
		for i := range added {
			h.Add(supervisor.Failure{Name: fmt.Sprint(i + 1)})
		}
		var got []string
		for _, one := range h.Failures() {
			got = append(got, one.Name)
		}
		if !slices.Equal(got, want) || h.Total() != uint64(added) {
			t.Errorf("size %d, %d added: %v of %d, want %v", size, added, got, h.Total(), want)
		}
	}
	f(3, 0)
	f(3, 2, "1", "2")
	f(3, 3, "1", "2", "3")
	f(3, 5, "3", "4", "5")
	f(3, 6, "4", "5", "6")
	var std supervisor.History
	for range 1000 {
		std.Add(supervisor.Failure{})
	}
	if n := len(std.Failures()); n != supervisor.DefaultHistory {
		t.Errorf("%d kept, want %d", n, supervisor.DefaultHistory)
	}
}

func TestHistoryMayBeReadWhileItIsWritten(t *testing.T) {
	var (
		h    supervisor.History
		done sync.WaitGroup
	)
	for range 4 {
		done.Go(func() {
			for range 500 {
				h.Add(supervisor.Failure{Name: "x"})
				for _, f := range h.Failures() {
					if f.Name != "x" {
						t.Error("a failure was torn")
					}
				}
			}
		})
	}
	done.Wait()
	if h.Total() != 2000 {
		t.Errorf("total %d, want 2000", h.Total())
	}
}
