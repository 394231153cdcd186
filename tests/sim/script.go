//go:build sim

package sim

import (
	"time"

	"golang.org/x/sys/unix"
)

// line is one thing that an end does, in this order: it waits until a condition holds, for a while, says something,
// acts.
type line struct {
	until func() bool
	pause time.Duration
	data  []byte
	act   func()
}

// actor is an end of a connection outside the worker: it reads what comes and follows a script, in turns.
type actor struct {
	k      *kernel
	sock   *socket
	dice   dice
	script []line
	// reads is told what was read, or how the stream ended: at the end both are zero.
	reads func(b []byte, err unix.Errno)
	// spoke is told that bytes of the script were sent.
	spoke func(n int)
	// compose, if there is one, adds to the script when that is at its end, and reports whether it did.
	compose func() bool

	appetite   int           // bytes of a turn
	bite       int           // bytes of a write
	digestion  time.Duration // between two turns
	deafUntil  int64         // nothing is read before
	turning    bool          // a turn is on the agenda
	pausing    bool
	silenced   unix.Errno // a write has failed, and has taken the word of a reset
	gone       bool       // the stream was read to its end, or the socket closed
	readBuffer []byte
}

// awake gives the actor a turn soon.
func (a *actor) awake() {
	if !a.turning && !a.sock.closed {
		a.turning = true
		a.k.agenda.after(a.dice.span(0, 50*time.Microsecond)+a.digestion, a.sock.id, a.turn)
	}
}

func (a *actor) attach(s *socket) {
	a.sock = s
	s.wake = a.awake
}

func (a *actor) turn() {
	a.turning = false
	if a.sock.closed {
		return
	}
	if a.k.agenda.now >= a.deafUntil {
		a.hear()
	}
	if !a.sock.closed {
		a.speak()
	}
}

// hear reads one helping.
func (a *actor) hear() {
	if a.gone {
		return
	}
	if a.readBuffer == nil {
		a.readBuffer = make([]byte, a.appetite)
	}
	n, err := a.sock.receive(a.readBuffer)
	switch {
	case err == unix.EAGAIN:
		return
	case n == 0:
		a.gone = true
		err = max(err, a.silenced)
	default:
		a.awake()
	}
	a.reads(a.readBuffer[:n], err)
}

// speak follows the script as far as it goes now.
func (a *actor) speak() {
	for !a.pausing && !a.sock.closed && (len(a.script) > 0 || a.compose != nil && a.compose()) {
		if !a.speakLine(&a.script[0]) {
			return
		}
	}
}

// speakLine reports whether the next line may follow at once.
func (a *actor) speakLine(l *line) bool {
	switch {
	case l.until != nil && !l.until():
		return false
	case l.pause > 0:
		a.pausing = true
		a.k.agenda.after(l.pause, a.sock.id, func() {
			a.pausing = false
			a.awake()
		})
		l.pause = 0
		return false
	case len(l.data) > 0 && a.silenced == 0:
		return a.say(l)
	}
	act := l.act
	a.script = a.script[1:]
	if act != nil {
		act()
	}
	return true
}

func (a *actor) say(l *line) bool {
	n, err := a.sock.send([][]byte{l.data[:min(len(l.data), a.bite)]})
	switch {
	case err == unix.EAGAIN:
		a.sock.readiness() // and so waits for room
		return false
	case err != 0:
		a.silenced = err
		return true
	}
	l.data = l.data[n:]
	if a.spoke != nil {
		a.spoke(n)
	}
	return true
}

// deafen has nothing read for a while.
func (a *actor) deafen(d time.Duration) {
	a.deafUntil = a.k.agenda.now + int64(d)
	a.k.agenda.after(d, a.sock.id, a.awake)
}

// habits of an actor, drawn. slow ones read and write little at a time, in long intervals.
func (a *actor) habits(slow bool) {
	a.appetite, a.bite = one(a.dice, 1<<10, 16<<10, 64<<10, 256<<10), one(a.dice, 100, 4<<10, 64<<10, 1<<20)
	if a.bite < 4<<10 { // a short first piece, then larger ones, would be as good: many are only slow
		a.bite = 4<<10 + a.bite
	}
	if slow {
		a.appetite, a.bite = a.dice.between(4<<10, 16<<10), a.dice.between(4<<10, 16<<10)
		a.digestion = a.dice.span(0, 20*time.Millisecond)
	}
}
