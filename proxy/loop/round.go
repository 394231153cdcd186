package loop

import "runtime/debug"

const (
	// eventsPerWait bounds how many ready descriptors one wait may report.
	eventsPerWait = 256
	// functionsPerRound bounds how many scheduled functions run before the descriptors have their turn again.
	functionsPerRound = 256
	// busyEvents is how many events of one wait make the loop try the next one without sleeping. Found, that saves
	// 122 ns over a wait that may sleep (329 to 451); in vain, it costs 154 ns: it pays from a chance of 56 %. Measured
	// as a relay after waits that brought two events or more: about 85 % with 64 connections, 55 % with 4; with one
	// connection, where a lower limit would find something in 29 %, it is never tried.
	busyEvents = 2
)

// wait collects the next batch of events. Where the loop does not nap, it asks the poller without sleeping first while it is
// busy.
func (l *Loop) wait() error {
	if len(l.again) > 0 || len(l.last) > 0 || l.inbox.pending() {
		return l.poller.poll()
	}
	naps := mayNap()
	if l.busy && !naps {
		if err := l.poller.poll(); err != nil || l.poller.ready > 0 {
			l.busy = l.poller.ready >= busyEvents
			return err
		}
	}
	if !l.inbox.sleep() {
		return l.poller.poll()
	}
	err := l.sleep(naps)
	l.inbox.wakeUp()
	l.busy = l.poller.ready >= busyEvents
	return err
}

// round does all that one wait brought, and what was asked for in the round before.
func (l *Loop) round() {
	l.readClock()
	if len(l.turn) > 0 {
		clear(l.turn) // a closed connection must not be kept alive by its last turn
	}
	l.turn, l.again = l.again, l.turn[:0]
	l.nextEvent, l.nextTurn, l.functions = 0, 0, 0
	for !l.work() {
		// A panic cut it short; the cursors stand behind its cause.
	}
	l.whose = nil
}

// work runs what is left of a round, under one recover, and reports whether it came to the end.
func (l *Loop) work() (done bool) {
	defer l.contain()
	l.runEvents()
	l.runTurns()
	l.runLast() // functions may change what was decided, and take long
	l.runInbox()
	l.runTimers()
	l.runLast()
	return true
}

// contain is deferred by work. It ends a panic there.
func (l *Loop) contain() {
	if value := recover(); value != nil {
		l.panicked(l.whose, value, debug.Stack())
	}
}

func (l *Loop) runEvents() {
	for l.nextEvent < l.poller.ready {
		e := l.poller.at(l.nextEvent)
		l.nextEvent++
		if e.fd == wakeDescriptor {
			continue
		}
		s := &l.slots[e.fd]
		if s.generation != e.generation || s.handler == nil {
			continue
		}
		h := s.handler
		l.whose = h
		h.Ready(e.ready)
	}
}

func (l *Loop) runTurns() {
	for l.nextTurn < len(l.turn) {
		h := l.turn[l.nextTurn]
		l.nextTurn++
		l.whose = h
		h.Ready(0)
	}
}

func (l *Loop) runInbox() {
	for l.functions < functionsPerRound {
		fn := l.inbox.take()
		if fn == nil {
			return
		}
		l.functions++
		l.whose = nil
		fn()
	}
}

func (l *Loop) runTimers() {
	for t := l.wheel.expired(l.now); t != nil; t = l.wheel.expired(l.now) {
		l.whose = t.Owner
		if next := t.Owner.Expired(l.now); next != 0 {
			l.Arm(t, next)
		}
	}
}

func (l *Loop) runLast() {
	if len(l.last) == 0 {
		return
	}
	for l.nextLast < len(l.last) {
		h := l.last[l.nextLast]
		l.nextLast++
		l.whose = h
		h.Ready(0)
	}
	clear(l.last)
	l.last, l.nextLast = l.last[:0], 0
}

// end runs what was scheduled before the end and closes the loop's descriptors.
func (l *Loop) end() {
	defer l.poller.close()
	l.inbox.close()
	for !l.workOff() {
		// A panic cut it short; the function that caused it is out of the inbox.
	}
}

// workOff empties the closed inbox, under one recover, and reports whether it came to the end.
func (l *Loop) workOff() (done bool) {
	defer l.contain()
	l.whose = nil
	for fn := l.inbox.take(); fn != nil; fn = l.inbox.take() {
		fn()
	}
	l.runLast() // what these have asked for
	return true
}
