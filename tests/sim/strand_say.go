//go:build sim

package sim

import (
	"bytes"
	"encoding/binary"
	"time"

	"golang.org/x/net/http2"
)

// composes writes the next frame of one of the strands, perhaps behind one that changes nothing, and reports whether
// there was one to write.
func (v *session) composes() bool {
	for able := v.able(); len(able) > 0 && len(v.script) == 0; able = v.able() {
		if v.dice.chance(5) && !v.w.profile.calm {
			v.noise()
		}
		one(v.dice, able...).say()
	}
	return len(v.script) > 0
}

// able are the strands whose next step can be done now.
func (v *session) able() (list []*strand) {
	for _, st := range v.strands {
		if st.able() && !v.broken {
			list = append(list, st)
		}
	}
	return list
}

// able reports whether the next step can be done now.
func (st *strand) able() bool {
	if len(st.steps) == 0 || st.pausing || st.over {
		return false
	}
	next := &st.steps[0]
	return next.data == 0 || next.blind || st.room() > 0
}

func (st *strand) room() int { return min(st.window, st.session.window, frameLimit) }

func (st *strand) say() {
	v, next := st.session, &st.steps[0]
	switch {
	case next.pause > 0:
		st.pausing = true
		v.k.agenda.after(next.pause, v.sock.id, func() {
			st.pausing = false
			v.awake()
		})
		next.pause = 0
		return
	case next.data > 0:
		st.sayData(next)
		return
	case next.fields != nil:
		v.says(v.sections.bytes(st.id, next.fields, next.last), nil)
	case next.last:
		v.says(frame{kind: http2.FrameData, flags: http2.FlagDataEndStream, stream: st.id}.bytes(), nil)
	case next.raw != nil:
		v.says(next.raw, nil)
	}
	st.done(next)
}

// done goes on to the next step, after the act of this one.
func (st *strand) done(s *step) {
	act := s.act
	st.steps = st.steps[1:]
	if act != nil {
		st.session.says(nil, act)
	}
}

// sayData says one frame of the body, with padding now and then.
func (st *strand) sayData(s *step) {
	v, d := st.session, st.session.dice
	n := min(s.data, max(1, d.size(frameLimit), s.data/30))
	if n = min(n, frameLimit-256); !s.blind {
		n = min(n, st.room())
	}
	f := frame{kind: http2.FrameData, stream: st.id}
	if padding := min(d.between(0, 255), st.room()-n-1); padding >= 0 && d.chance(5) {
		f.flags = http2.FlagDataPadded
		f.payload = append([]byte{byte(padding)}, st.said.bytes(n)...)
		f.payload = append(f.payload, make([]byte, padding)...)
	} else {
		f.payload = st.said.bytes(n)
	}
	st.window, v.window = st.window-len(f.payload), v.window-len(f.payload)
	if s.data -= n; s.data == 0 && s.last {
		f.flags |= http2.FlagDataEndStream
	}
	v.says(f.bytes(), nil)
	if s.data == 0 {
		st.done(s)
	}
}

// noise says something that changes nothing.
func (v *session) noise() {
	st := one(v.dice, v.strands...)
	switch v.dice.IntN(5) {
	case 0:
		v.pings++
		v.says(frame{kind: http2.FramePing, payload: []byte("simulate")}.bytes(), nil)
	case 1:
		v.says(frame{kind: 0x42, stream: one(v.dice, 0, st.id), payload: []byte("unknown")}.bytes(), nil)
	case 2:
		v.says(frame{kind: http2.FramePriority, stream: st.id, payload: []byte{0, 0, 0, 0, 9}}.bytes(), nil)
	case 3:
		v.granted += 77
		v.says(numbers(http2.FrameWindowUpdate, 0, 77).bytes(), nil)
	case 4:
		v.says(frame{kind: http2.FrameWindowUpdate, stream: max(v.opened, 1), payload: []byte{0, 0, 0, 1}}.bytes(), nil)
		if last := v.strand(v.opened); last != nil {
			last.granted++
		}
	}
}

// breaksRule says something that costs the connection (RFC 9113 §5.4.1). lb has to end it.
func (v *session) breaksRule() {
	id, idle := v.opened, v.opened+2000 // a number that lb will not have come to by then
	f := one(v.dice,
		numbers(http2.FrameWindowUpdate, 0, 0), numbers(http2.FrameWindowUpdate, 0, 1<<31-1),
		numbers(http2.FrameWindowUpdate, idle, 1), numbers(http2.FrameRSTStream, idle, 0),
		numbers(http2.FrameRSTStream, 0, 0),
		settingsFrame(http2.Setting{ID: http2.SettingEnablePush, Val: 1}),
		settingsFrame(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 5}),
		settingsFrame(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31}),
		frame{kind: http2.FrameSettings, payload: []byte{1}},
		frame{kind: http2.FramePing, payload: []byte("short")},
		frame{kind: http2.FrameData, stream: idle, payload: []byte("data")}, frame{kind: http2.FrameData},
		frame{kind: http2.FrameContinuation, stream: id}, frame{kind: http2.FrameHeaders, stream: id + 1, flags: 4},
		frame{kind: http2.FramePushPromise, stream: id, flags: 4, payload: []byte{0, 0, 0, 2}},
		frame{kind: http2.FrameHeaders, stream: id, flags: 4, payload: []byte{0xff, 0xff, 0xff, 0xff, 0xff}},
		frame{kind: http2.FrameData, stream: id, payload: make([]byte, frameLimit+1)},
		frame{kind: http2.FrameGoAway, payload: []byte{1}})
	said := f.bytes()
	switch v.dice.IntN(8) {
	case 0:
		said = bytes.Repeat(frame{kind: http2.FramePing, payload: []byte("flooding")}.bytes(), 3000)
	case 1:
		said = bytes.Repeat(settingsFrame().bytes(), 3000)
	case 2: // a section without an end
		said = frame{kind: http2.FrameHeaders, stream: id}.bytes()
		said = append(said, bytes.Repeat(frame{kind: http2.FrameContinuation, stream: id}.bytes(), 40)...)
	case 3: // in the middle of a section
		said = append(frame{kind: http2.FrameHeaders, stream: id}.bytes(), settingsFrame().bytes()...)
	case 4:
		said = binary.BigEndian.AppendUint64(nil, v.dice.Uint64())
		said = append(append([]byte("HTTP/1.1 200 OK\r\n\r\n"), said...), make([]byte, 1<<15)...)
	}
	v.w.trace("host %d breaks a rule on connection %d: %d bytes, % .20x", v.host.number, v.sock.id, len(said), said)
	v.host.fault()
	v.broken = true
	v.says(said, func() { v.expects("lb ends a connection on which a rule was broken", time.Millisecond, nil) })
}
