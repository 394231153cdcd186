package actors

import "slices"

// Who accepts for a worker that is away.

// lendAll has a neighbour accept for each worker that is missed and has none yet. Without a neighbour that serves, the
// clients wait in the queue of the socket until there is one.
func (w *workers) lendAll() {
	for number, c := range w.children {
		if c.missed && c.helper < 0 && !w.draining && !c.leaving {
			w.lend(number)
		}
	}
}

func (w *workers) lend(number int) {
	for i := 1; i < len(w.children); i++ {
		helper := (number + i) % len(w.children)
		if w.children[helper].serves {
			w.children[number].helper = helper
			for _, fd := range w.shares[number] {
				w.system.Root.Send(w.children[helper].pid, lend{fd})
			}
			return
		}
	}
}

// takeBack has nobody else accept for a worker that serves again. A helper that failed meanwhile may still have the
// order to accept in its mailbox, so that the one to stop goes to it as well.
func (w *workers) takeBack(number int) {
	w.children[number].helper = -1
	for other, c := range w.children {
		if other == number {
			continue
		}
		for _, fd := range w.shares[number] {
			if !slices.Contains(w.shares[other], fd) {
				w.system.Root.Send(c.pid, reclaim{fd: fd})
			}
		}
	}
}
