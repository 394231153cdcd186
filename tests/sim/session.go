//go:build sim

package sim

import (
	"slices"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/sys/unix"
)

// session is a host's end of a connection of HTTP/2.
type session struct {
	actor
	host     *host
	w        *world
	tap      *tap
	reader   *frameReader
	sections *sections
	manner   manner
	strands  []*strand // that are not over, in the order of their numbers
	opened   uint32    // the last stream that lb has opened

	// What lb lets us send.
	window  int // of the connection
	initial int // of a stream

	// What we let lb send.
	told     []terms // by our settings, one after another
	acks     int     // how many of them lb has confirmed
	granted  int     // of the connection's window
	owed     int     // of it: taken and not given back
	generous time.Duration

	away   bool   // we have said that we go
	lastID uint32 // of those that are looked at
	broken bool   // we have broken a rule that costs the connection
	since  int64  // when lb last opened a stream, or one was over
	pings  int    // that lb has not answered
}

// terms are the settings that lb is to keep to.
type terms struct {
	window  int // of a stream
	streams int
	table   uint32 // of hpack
}

// manner of a session is how it begins.
type manner uint8

const (
	polite   manner = iota
	wordless        // never tells its settings
	oldish          // speaks HTTP/1.1
	brusque         // ends at once
)

// failing reports whether all that the connection carries suffers from its host, which perhaps has not even answered.
func (v *session) failing() bool { return v == nil || v.broken || v.manner != polite }

func (h *host) join(s *socket, up *uplink) *session {
	v := &session{host: h, w: h.w, tap: up.tap, window: 1<<16 - 1, initial: 1<<16 - 1, granted: 1<<16 - 1}
	v.k, v.dice = h.w.kernel, newDice(h.w.seed, 1<<20+s.id)
	v.reader, v.sections = newFrameReader(v), newSections(v.dice)
	v.reads, v.compose = v.heard, v.composes
	v.habits(v.dice.chance(h.w.profile.slow))
	v.generous = v.dice.span(0, one(v.dice, 0, time.Millisecond, 30*time.Millisecond))
	v.attach(s)
	if v.dice.chance(h.lies / 4) {
		v.manner = one(v.dice, wordless, oldish, brusque)
		h.fault()
	}
	v.begins()
	return v
}

func (v *session) begins() {
	switch v.manner {
	case polite:
		v.tells(true)
		v.changes()
		v.restless()
	case wordless:
		v.expects("lb gives up a backend without settings", v.w.config.Timeouts.Connect, nil)
	case oldish:
		v.says([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), nil)
	case brusque:
		v.says(nil, v.sock.close)
	}
}

// says puts bytes behind what is to be said already, and an act behind them.
func (v *session) says(b []byte, act func()) {
	v.script = append(v.script, line{data: b}, line{act: act})
	v.awake()
}

// tells new settings. Streams that are open have their windows changed by them (RFC 9113 §6.9.2): what lb sends before
// it has confirmed them is judged by the more generous.
func (v *session) tells(first bool) {
	d := v.dice
	was := v.terms()
	t := terms{streams: one(d, 1, 1, 2, 5, 100, noLimit), table: one[uint32](d, 4096, 4096, 0, 200, 1<<16)}
	t.window = one(d, 0, 1, 100, 5000, 1<<16-1, 1<<16-1, 1<<20)
	if !v.w.profile.calm && d.chance(3) {
		t.streams = 0
	}
	list := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: uint32(t.window)}}
	if t.streams != noLimit || !first {
		list = append(list, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(t.streams)})
	}
	list = append(list, http2.Setting{ID: http2.SettingHeaderTableSize, Val: t.table},
		http2.Setting{ID: http2.SettingMaxFrameSize, Val: one[uint32](d, frameLimit, 1<<24-1)},
		http2.Setting{ID: 0xf00, Val: 7})
	d.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if first && t.table == 4096 && d.chance(20) { // all as RFC 9113 §6.5.2 has it
		t, list = terms{window: 1<<16 - 1, streams: noLimit, table: 4096}, nil
	}
	v.told = append(v.told, t)
	if grows := t.window - was.window; grows > 0 {
		v.regrant(grows)
	}
	count := len(v.told)
	v.w.trace("host %d tells terms on connection %d: %+v", v.host.number, v.sock.id, t)
	v.says(settingsFrame(list...).bytes(), func() {
		v.expects("lb confirms settings", 0, func() bool { return v.acks >= count })
	})
}

// terms are the last that were told.
func (v *session) terms() terms {
	if len(v.told) == 0 {
		return terms{window: 1<<16 - 1, streams: noLimit, table: 4096}
	}
	return v.told[len(v.told)-1]
}

func (v *session) regrant(change int) {
	for _, st := range v.strands {
		st.granted += change
	}
}

// confirmed counts a confirmation: from now on lb keeps to those terms.
func (v *session) confirmed() {
	if v.acks == len(v.told) {
		v.w.fail("lb confirms settings that nobody told it")
		return
	}
	before := terms{window: 1<<16 - 1}
	if v.acks > 0 {
		before = v.told[v.acks-1]
	}
	now := v.told[v.acks]
	v.acks++
	if shrinks := before.window - now.window; shrinks > 0 {
		v.regrant(-shrinks)
		for _, st := range v.strands {
			st.gives()
		}
	}
	v.reader.limit(now.table)
}

// streamLimit is how many streams lb may have open now. One is always asked for: a host that allows none refuses it.
func (v *session) streamLimit() int {
	limit := v.told[max(v.acks-1, 0)].streams
	for _, t := range v.told[v.acks:] {
		limit = max(limit, t.streams)
	}
	return max(limit, 1)
}

// changes tells other settings now and then.
func (v *session) changes() {
	if v.dice.chance(70) {
		return
	}
	v.k.agenda.after(v.dice.span(0, one(v.dice, time.Millisecond, 100*time.Millisecond, time.Second)), v.sock.id, func() {
		if !v.sock.closed && !v.broken {
			v.tells(false)
			v.changes()
		}
	})
}

// restless has the session end at some time, in one of the ways that are in order.
func (v *session) restless() {
	if v.w.profile.calm || !v.dice.chance(15) {
		return
	}
	v.k.agenda.after(v.dice.span(0, one(v.dice, time.Millisecond, 30*time.Millisecond, 2*time.Second)), v.sock.id, func() {
		if !v.sock.closed && !v.broken {
			v.goesAway()
		}
	})
}

// goesAway says from where on nothing is looked at (RFC 9113 §6.8), perhaps after a first announcement.
func (v *session) goesAway() {
	if v.dice.chance(30) && !v.away {
		v.says(numbers(http2.FrameGoAway, 0, noLimit, uint32(http2.ErrCodeNo)).bytes(), nil)
		v.k.agenda.after(v.dice.span(0, 20*time.Millisecond), v.sock.id, v.partsFrom)
		return
	}
	v.partsFrom()
}

func (v *session) partsFrom() {
	if v.sock.closed || v.broken || v.away {
		return
	}
	v.lastID = v.opened
	for len(v.strands) > 0 && v.dice.chance(60) && !v.strands[len(v.strands)-1].begun() {
		st := v.strands[len(v.strands)-1]
		v.lastID = st.id - 1
		v.drop(st)
	}
	if v.lastID > 0 && v.lastID&1 == 0 {
		v.lastID--
	}
	v.away = true
	v.w.refused = v.k.agenda.now
	v.w.trace("host %d goes away on connection %d, last %d of %d", v.host.number, v.sock.id, v.lastID, v.opened)
	code := one(v.dice, http2.ErrCodeNo, http2.ErrCodeNo, http2.ErrCodeEnhanceYourCalm, http2.ErrCodeInternal)
	last := v.lastID
	v.says(numbers(http2.FrameGoAway, 0, last, uint32(code)).bytes(), func() {
		v.tap.up.awayFrom, v.tap.up.awayAt = last, v.sock.sent
		v.expects("lb ends a session that goes away", 0, func() bool { return len(v.strands) > 0 })
	})
}

// drop takes a strand off: nothing more is said or heard of it.
func (v *session) drop(st *strand) {
	st.over = true
	v.strands = slices.DeleteFunc(v.strands, func(o *strand) bool { return o == st })
	v.since = v.k.agenda.now
	if t := v.tap.strands[st.id]; t != nil {
		t.dropped = true
	}
	v.expectsUse()
}

func (v *session) strand(id uint32) *strand {
	for _, st := range v.strands {
		if st.id == id {
			return st
		}
	}
	return nil
}

// heard takes what came from lb.
func (v *session) heard(b []byte, err unix.Errno) {
	if len(b) > 0 {
		if v.manner == oldish || v.broken {
			return
		}
		if err := v.reader.feed(b); err != nil {
			v.w.fail("host %d got what is no HTTP/2: %v", v.host.number, err)
		}
		return
	}
	v.w.trace("host %d hears the end of connection %d: %v", v.host.number, v.sock.id, err)
	v.sock.close()
}

// expects demands that a condition holds, or the connection has ended, so long after lb has read all that was said.
// Without a condition it must have ended.
func (v *session) expects(what string, limit time.Duration, holds func() bool) {
	limit += slack
	v.k.agenda.after(limit, v.sock.id, func() {
		lb := v.sock.peer
		switch last := max(lb.owner.(*uplink).read, v.tap.said); {
		case lb.closed || v.sock.closed || v.broken && holds != nil:
		case lb.read < v.sock.sent || v.sock.read < lb.sent || v.k.agenda.now < last+int64(limit):
			v.expects(what, limit-slack, holds)
		case holds == nil || !holds():
			v.w.fail("host %d, connection %d: %s, not within %v", v.host.number, v.sock.id, what, limit)
		}
	})
}

// expectsUse demands that lb ends the connection when it was idle for long enough.
func (v *session) expectsUse() {
	if len(v.strands) > 0 || v.away {
		return
	}
	since := v.since
	v.expects("lb ends an idle connection", v.w.config.Timeouts.Idle, func() bool {
		return len(v.strands) > 0 || v.since != since || len(v.script) > 0
	})
}
