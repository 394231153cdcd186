package loop

import "math/bits"

const (
	// tickShift makes a tick of 2^24 ns, 16.8 ms: a deadline becomes a tick by a shift.
	tickShift = 24
	tick      = int64(1) << tickShift
	// wheelSlots ticks are one turn of the wheel, 68.7 s, so that the usual time-outs are slotted once. Their number
	// is that of the bits in one word, squared: finding the next slot in use takes two looks.
	wheelSlots = 64 * 64
	slotMask   = wheelSlots - 1
)

// Expirer owns a timer. Expired is called on the loop's thread at or after the deadline of its timer. Since re-arming
// is lazy, it may have come too early for what the owner wants by now: next is the deadline that is truly wanted, and
// 0 means none.
type Expirer interface {
	Expired(now int64) (next int64)
}

// Timer is one entry of a loop's timer wheel. The zero value with an Owner is ready for Arm. It is embedded by value
// in what it guards, takes 48 bytes, and must not be copied or freed for reuse while it is armed.
type Timer struct {
	Owner Expirer

	deadline   int64
	prev, next *Timer
	slot       uint32 // its place in the wheel plus one; 0 when it is not armed
}

func (t *Timer) armed() bool { return t.slot != 0 }

// wheel is a hashed timer wheel of one level: a slot holds the timers of one tick. A timer farther away than one turn
// waits in the farthest slot and is slotted again when that one comes up. It has no clock: time is an argument.
type wheel struct {
	lists  [wheelSlots]*Timer
	used   [wheelSlots / 64]uint64 // slots that hold a timer, a bit each
	groups uint64                  // words of used that are not zero, a bit each

	done    int64 // the slot of this tick and those before it are worked off
	present int64 // tick of the latest known time; done is at most equal to it
}

// arm puts t where its deadline says, wherever it stood before.
func (w *wheel) arm(t *Timer, deadline int64) {
	if t.armed() {
		w.disarm(t)
	}
	t.deadline = deadline
	// The tick that begins at or after the deadline, but not one that has begun: a timer that is armed again and
	// again by its own expiry must not keep the loop from its descriptors. Nor one that is a turn away from done,
	// where slots of different ticks would meet.
	at := max((max(deadline, 1)-1)>>tickShift+1, w.present+1)
	w.link(t, uint32(min(at, w.done+slotMask)&slotMask))
}

func (w *wheel) link(t *Timer, slot uint32) {
	head := w.lists[slot]
	t.slot, t.prev, t.next = slot+1, nil, head
	if head != nil {
		head.prev = t
	}
	w.lists[slot] = t
	w.used[slot/64] |= 1 << (slot % 64)
	w.groups |= 1 << (slot / 64)
}

// disarm takes an armed t out.
func (w *wheel) disarm(t *Timer) {
	slot := t.slot - 1
	if t.next != nil {
		t.next.prev = t.prev
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else if w.lists[slot] = t.next; t.next == nil {
		w.clear(slot)
	}
	t.prev, t.next, t.slot = nil, nil, 0
}

// clear marks a slot as empty.
func (w *wheel) clear(slot uint32) {
	w.used[slot/64] &^= 1 << (slot % 64)
	if w.used[slot/64] == 0 {
		w.groups &^= 1 << (slot / 64)
	}
}

// expired takes out one timer whose tick has begun by now; nil when there is none left. Within a tick it costs one
// comparison.
func (w *wheel) expired(now int64) *Timer {
	w.present = max(w.present, now>>tickShift)
	for w.done < w.present {
		next := w.nextTick()
		if next > w.present {
			w.done = w.present
			return nil
		}
		w.done = next - 1
		t := w.lists[next&slotMask]
		w.disarm(t)
		if t.deadline <= now {
			return t
		}
		w.arm(t, t.deadline)
	}
	return nil
}

// untilNext is for how many milliseconds from now no timer can expire, rounded up; -1 means for ever.
func (w *wheel) untilNext(now int64) int {
	if w.groups == 0 {
		return -1
	}
	left := max(w.nextTick()<<tickShift-now, 0)
	return int((left + 1e6 - 1) / 1e6)
}

// nextTick is the first tick after done whose slot is in use; beyond all ticks when none is.
func (w *wheel) nextTick() int64 {
	if w.groups == 0 {
		return 1<<63 - 1
	}
	from := uint32(w.done+1) & slotMask
	return w.done + 1 + int64((w.usedFrom(from)-from)&slotMask)
}

// usedFrom is the first slot in use at or after from, around the turn; there must be one.
func (w *wheel) usedFrom(from uint32) uint32 {
	group := from / 64
	if word := w.used[group] >> (from % 64); word != 0 {
		return from + uint32(bits.TrailingZeros64(word))
	}
	groups := w.groups &^ (1<<(group+1) - 1)
	if groups == 0 {
		groups = w.groups
	}
	group = uint32(bits.TrailingZeros64(groups))
	return group*64 + uint32(bits.TrailingZeros64(w.used[group]))
}
