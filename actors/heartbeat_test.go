package actors

import (
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
	"lb/supervisor"
)

// seats have loops that never run: what is scheduled on them waits for ever.
func seats(t *testing.T, n int) *briefing {
	t.Helper()
	b, err := newBriefing(make([][]int, n), func(number, size int, _ []int) (post, error) { return newSeat(number, size) })
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newTestSystem(t *testing.T) *supervisor.System {
	t.Helper()
	system := supervisor.NewSystem(supervisor.Options{})
	t.Cleanup(func() {
		if err := system.Shutdown(time.Second); err != nil {
			t.Error(err)
		}
	})
	return system
}

func TestHeartbeatFindsASilentLoopOnce(t *testing.T) {
	h := newHeartbeat(newTestSystem(t), seats(t, 2))
	nobody, now := actor.NewPID("", "nobody"), time.Now()
	for second := range 5 {
		if silent := h.beat(nobody, now.Add(time.Duration(second)*time.Second)); silent != nil {
			t.Fatalf("silent after %d s: %v", second, silent)
		}
		h.alive(alive{1}, now.Add(time.Duration(second)*time.Second))
	}
	if silent := h.beat(nobody, now.Add(6*time.Second)); !slices.Equal(silent, []int{0}) {
		t.Errorf("silent after 6 s: %v, want worker 0", silent)
	}
	if silent := h.beat(nobody, now.Add(7*time.Second)); silent != nil {
		t.Errorf("told again: %v", silent)
	}
	if silence := h.alive(alive{0}, now.Add(9*time.Second)); silence < 9*time.Second-time.Second {
		t.Errorf("back after %v, want 9 s", silence)
	}
	if silence := h.alive(alive{0}, now.Add(10*time.Second)); silence != 0 {
		t.Errorf("back again after %v", silence)
	}
}

// A loop that does not answer contributes what it told last, so that sums never fall.
func TestGatheringWithoutALoopHasItsLastCounters(t *testing.T) {
	g := newGatherings(newTestSystem(t), seats(t, 2))
	self, first, second := actor.NewPID("", "self"), actor.NewPID("", "first"), actor.NewPID("", "second")
	told := func(accepted uint64) messages.Stats { return messages.Stats{Accepted: accepted} }

	g.begin(self, first)
	g.begin(self, second)
	if asker := g.counted(counted{1, 0, told(10)}); asker != nil {
		t.Errorf("answered after one of two: %v", asker)
	}
	if asker := g.counted(counted{1, 1, told(5)}); asker != first {
		t.Errorf("asker %v, want the first", asker)
	}
	g.counted(counted{2, 0, told(11)})
	if asker := g.late(gatherLate{2}); asker != second {
		t.Errorf("asker %v, want the second", asker)
	}
	if sum := g.sum(nil); sum.Accepted != 16 {
		t.Errorf("sum %d, want 11 and 5", sum.Accepted)
	}
	if asker := g.late(gatherLate{1}); asker != nil {
		t.Errorf("answered twice: %v", asker)
	}
	if g.counted(counted{2, 1, told(6)}); g.sum(nil).Accepted != 17 {
		t.Error("an answer that is late is lost")
	}
}
