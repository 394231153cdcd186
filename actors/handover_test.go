package actors

import (
	"cmp"
	"reflect"
	"slices"
	"testing"
	"time"

	"lb/messages"
)

// What one process recorded, the next one knows, and would record again.
func TestRecordsOfBackendsAreAdopted(t *testing.T) {
	since := time.Unix(1000, 0)
	records := []messages.BackendRecord{
		{ID: "a:1", State: messages.Up, Since: since, Configured: 1, Passed: 7},
		{ID: "b:1", State: messages.Down, Since: since, Why: "failures in a row: 3", Configured: 1, Failed: 3, Changes: 1},
		{ID: "c:1", State: messages.Down, Since: since, Drained: true, Configured: 2, Weight: 5},
	}
	l := newLedger(messages.DefaultConfig())
	l.adopt(records)
	got := l.records()
	slices.SortFunc(got, func(a, b messages.BackendRecord) int { return cmp.Compare(a.ID, b.ID) })
	if !reflect.DeepEqual(got, records) {
		t.Errorf("got  %+v\nwant %+v", got, records)
	}
	for id, want := range map[string]messages.State{"a:1": messages.Up, "b:1": messages.Down, "c:1": messages.Draining} {
		if state := l.entries[id].last.state; state != want {
			t.Errorf("%s is %v, want %v", id, state, want)
		}
	}
}

// A backend that was down for the last process gets no request from this one before it has proved to be back.
func TestAdoptedBackendStaysDownUntilItIsProved(t *testing.T) {
	play(t, config(t, one, two), func(s *stage) {
		s.fail(two, messages.ConnectionRefused)
		s.outcomes(two, messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
		s.want(one+" up", two+" down")
		result, err := s.system.Root.RequestFuture(s.backends, messages.BackendsRecorded{}, time.Minute).Result()
		if err != nil {
			t.Fatal(err)
		}
		s.fall()

		s.known = result.([]messages.BackendRecord)
		s.snapshots = nil
		s.raise()
		s.want(one+" up", two+" down")
		for _, snapshot := range s.snapshots {
			if snapshot.Members[1].State != messages.Down {
				t.Errorf("%s is %v in a snapshot of the next process", two, snapshot.Members[1].State)
			}
		}
		s.cure(two)
		s.pass(2 * 5500 * time.Millisecond)
		s.want(one+" up", two+" up")
	})
}
