//go:build sim

package sim

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

// What a host of HTTP/2 hears.

// sectionRead implements frameAudience.
func (v *session) sectionRead(id uint32, fields [][2]string, last bool) {
	if st := v.strand(id); st != nil {
		st.trailersRead(fields, last)
		return
	}
	switch {
	case id <= v.opened && id&1 == 1: // trailers of one that was given up
		return
	case id&1 == 0:
		v.w.fail("lb opens stream %d", id)
	}
	v.opened = id
	v.since = v.k.agenda.now
	if v.away || v.broken { // RFC 9113 §6.8: it is not looked at
		return
	}
	if limit := v.streamLimit(); len(v.strands) >= limit {
		v.w.fail("lb opens stream %d, %d are open, host %d allows %d", id, len(v.strands), v.host.number, limit)
	}
	h, err := headOf(fields)
	if err != nil {
		v.w.fail("host %d got a head with faults: %v", v.host.number, err)
		return
	}
	r := v.w.requestAt(fields)
	v.judge(r, h)
	st := &strand{session: v, id: id, request: r, window: v.initial, body: stream{key: uint64(r.id)}}
	st.granted = v.windowOfNew()
	v.strands = append(v.strands, st)
	st.begins(last)
}

// windowOfNew is what a stream that lb opens now may send at once, by the most generous terms that it may go by.
func (v *session) windowOfNew() int {
	most := 1<<16 - 1
	if v.acks > 0 {
		most = v.told[v.acks-1].window
	}
	at := most
	for _, t := range v.told[v.acks:] { // as told changes the windows of those that are open
		if t.window > at {
			most += t.window - at
		}
		at = t.window
	}
	return most
}

func (v *session) judge(r *request, h *head) {
	if fault := r.faultOf(h); fault != "" {
		v.w.fail("host %d got %v with faults: %s", v.host.number, r, fault)
	}
	if h.count("Expect") > 0 != r.expects {
		v.w.fail("host %d got %v with Expect %q", v.host.number, r, h.value("Expect"))
	}
}

// octetsRead implements frameAudience.
func (v *session) octetsRead(id uint32, b []byte, flow int, last bool) {
	if v.granted -= flow; v.granted < 0 {
		v.w.fail("lb sends %d bytes more than the connection's window allows", -v.granted)
	}
	v.owed += flow
	v.gives()
	if st := v.strand(id); st != nil {
		st.read(b, flow, last)
	} else if id > v.opened {
		v.w.fail("lb sends data of stream %d, which it did not open", id)
	}
}

// gives opens the connection's window again, a little later.
func (v *session) gives() {
	if v.owed == 0 {
		return
	}
	v.k.agenda.after(v.generous, v.sock.id, func() {
		if v.owed > 0 && !v.sock.closed {
			v.granted += v.owed
			v.says(numbers(http2.FrameWindowUpdate, 0, uint32(v.owed)).bytes(), nil)
			v.owed = 0
		}
	})
}

// controlRead implements frameAudience.
func (v *session) controlRead(f *frame) {
	switch f.kind {
	case http2.FrameSettings:
		v.obeys(f)
	case http2.FrameWindowUpdate:
		v.opens(f)
	case http2.FrameRSTStream:
		v.w.trace("host %d: lb resets stream %d of connection %d: %v", v.host.number, f.stream, v.sock.id,
			http2.ErrCode(f.number()))
		if st := v.strand(f.stream); st != nil {
			v.drop(st)
		} else if f.stream > v.opened {
			v.w.fail("lb resets stream %d, which it did not open", f.stream)
		}
	case http2.FramePing:
		if f.flags&http2.FlagPingAck == 0 || v.pings == 0 {
			v.w.fail("lb sends a ping that answers nothing")
		}
		v.pings--
	case http2.FrameGoAway:
		code := http2.ErrCode(binary.BigEndian.Uint32(f.payload[4:]))
		v.w.trace("host %d: lb goes away on connection %d: %v", v.host.number, v.sock.id, code)
	default:
		v.w.fail("lb sends a frame of type %v", f.kind)
	}
}

func (v *session) obeys(f *frame) {
	if f.flags&http2.FlagSettingsAck != 0 {
		v.confirmed()
		return
	}
	for _, s := range f.settings() {
		if s.ID == http2.SettingInitialWindowSize {
			for _, st := range v.strands {
				st.window += int(s.Val) - v.initial
			}
			v.initial = int(s.Val)
		}
	}
	if v.manner == polite {
		v.says(frame{kind: http2.FrameSettings, flags: http2.FlagSettingsAck}.bytes(), nil)
	}
}

func (v *session) opens(f *frame) {
	n := int(f.number())
	if n == 0 {
		v.w.fail("lb opens a window by nothing")
	}
	if f.stream == 0 {
		v.window += n
	} else if st := v.strand(f.stream); st != nil {
		st.window += n
	}
	v.awake()
}
