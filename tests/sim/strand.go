//go:build sim

package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

// strand is a stream of HTTP/2 as its host sees it: a request, and the steps of the reply.
type strand struct {
	session *session
	id      uint32
	request *request
	reply   *reply
	body    stream // of the request that is read
	ended   bool   // the request was
	window  int    // that lb leaves us
	granted int    // that we leave lb
	floor   int    // below which we do not let that stay
	giving  bool
	steps   []step
	said    stream // of the reply
	pausing bool
	over    bool
}

// step of a reply.
type step struct {
	pause  time.Duration
	fields [][2]string // a field section
	data   int         // so many bytes of the body
	blind  bool        // data says nothing of windows
	last   bool        // it ends the stream
	raw    []byte      // frames
	act    func()      // at the end
}

func (st *strand) begun() bool { return st.reply != nil && st.reply.begun }

// begins takes the head of a request.
func (st *strand) begins(last bool) {
	v, r := st.session, st.request
	if v.streamsRefused() {
		st.refuses()
		return
	}
	p := v.w.newReply(r, v.host, v.dice, kinds+1, allKinds)
	p.sock = v.sock
	st.reply, st.said = p, stream{key: p.key()}
	v.w.trace("host %d gets %v on stream %d of connection %d: reply %d, %v, %d, %d bytes", v.host.number, r, st.id,
		v.sock.id, p.id, p.kind, p.status, p.length)
	st.floor = max(r.length/20+1, one(v.dice, 1, 100, 5000, 1<<16))
	if p.kind == withholds {
		v.host.fault()
	}
	if last {
		st.end(nil)
	} else {
		st.gives()
	}
	if p.early {
		st.answers()
	}
}

// streamsRefused reports whether lb was told to open no stream, and has opened one all the same to be refused.
func (v *session) streamsRefused() bool { return v.acks > 0 && v.told[v.acks-1].streams == 0 }

// refuses has lb ask elsewhere (RFC 9113 §8.7).
func (st *strand) refuses() {
	v := st.session
	v.w.refused = v.k.agenda.now
	id := st.id
	v.w.trace("host %d refuses stream %d of connection %d", v.host.number, id, v.sock.id)
	v.drop(st)
	v.says(numbers(http2.FrameRSTStream, id, uint32(http2.ErrCodeRefusedStream)).bytes(), func() {
		v.tap.up.refused[id] = v.sock.sent
	})
}

// gives opens the window again, a little later.
func (st *strand) gives() {
	v := st.session
	if st.giving || st.ended || st.reply == nil || st.reply.kind == withholds {
		return
	}
	st.giving = true
	v.k.agenda.after(v.generous, v.sock.id, func() {
		st.giving = false
		if n := st.floor - st.granted; n > 0 && !st.over && !st.ended && !v.sock.closed {
			n += v.dice.size(1 << 17)
			st.granted += n
			v.says(numbers(http2.FrameWindowUpdate, st.id, uint32(n)).bytes(), nil)
		}
	})
}

// read takes a piece of the request's body.
func (st *strand) read(b []byte, flow int, last bool) {
	w, h, p := st.session.w, st.session.host, st.reply
	if st.granted -= flow; st.granted < 0 {
		w.fail("lb sends %d bytes of stream %d more than its window allows", -st.granted, st.id)
	}
	if p.received += len(b); !st.body.check(b) || st.ended {
		w.fail("host %d: byte %d of the body of %v or one behind it is another", h.number, p.received-len(b), st.request)
	}
	if last {
		st.end(nil)
	} else {
		st.gives()
	}
}

// trailersRead takes the section behind a request's body.
func (st *strand) trailersRead(fields [][2]string, last bool) {
	if !last || st.ended {
		st.session.w.fail("lb sends a second head on stream %d", st.id)
	}
	st.end(fields)
}

// end is that of the request.
func (st *strand) end(trailers [][2]string) {
	w, p, r := st.session.w, st.reply, st.request
	st.ended = true
	w.judgeWhole(r, p, st.session.host, trailers)
	p.whole = true
	switch {
	case !p.early:
		st.answers()
	case p.spoken:
		st.session.drop(st)
	}
}

// answers begins the reply.
func (st *strand) answers() {
	p, v := st.reply, st.session
	p.begun = true
	switch {
	case p.kind == refuses && !p.early:
		p.begun = false
		st.refuses()
		return
	case p.kind == goesAway && !p.early:
		p.begun = false
		v.goesAway()
		p.begun = true
	case !p.honest || p.early:
		v.host.fault()
	}
	st.steps = st.plan()
	v.awake()
}

func (st *strand) plan() []step {
	p, v, d := st.reply, st.session, st.session.dice
	reset := numbers(http2.FrameRSTStream, st.id, uint32(one(d, resetCodes...))).bytes()
	given := func() { v.drop(st) }
	switch p.kind {
	case silent, withholds:
		st.owes(v.w.config.Timeouts.Response)
		return nil
	case hangsUp:
		return []step{{act: v.sock.close}}
	case resets:
		return []step{{act: v.sock.abort}}
	case refuses, resetsEarly:
		return []step{{raw: reset, act: given}}
	case dataFirst:
		return []step{{data: 1, blind: true, act: given}}
	case breaksRule:
		return []step{{act: v.breaksRule}}
	}
	var list []step
	for i := range p.interims {
		status := one(d, "100", "102", "103")
		list = append(list, step{fields: [][2]string{{":status", status}, {"x-interim", strconv.Itoa(i)}}},
			step{pause: p.pause().pause})
	}
	if p.kind == badHead {
		return append(list, st.badHead(given))
	}
	return append(list, st.message(reset)...)
}

var resetCodes = []http2.ErrCode{
	http2.ErrCodeNo, http2.ErrCodeProtocol, http2.ErrCodeInternal, http2.ErrCodeFlowControl, http2.ErrCodeStreamClosed,
	http2.ErrCodeFrameSize, http2.ErrCodeCancel, http2.ErrCodeCompression, http2.ErrCodeConnect,
	http2.ErrCodeEnhanceYourCalm, http2.ErrCodeInadequateSecurity, http2.ErrCodeHTTP11Required, 77,
}

// message is the head and what follows.
func (st *strand) message(reset []byte) []step {
	p, v, d := st.reply, st.session, st.session.dice
	pause := step{pause: p.pause().pause}
	given, whole := func() { v.drop(st) }, func() { st.spoken() }
	head := step{fields: st.head()}
	if p.bodiless() {
		if d.chance(50) {
			head.last, head.act = true, whole
			return []step{pause, head}
		}
		return []step{pause, head, {last: true, act: whole}}
	}
	cut := d.IntN(p.length + 1)
	list := []step{pause, head, pause}
	switch p.kind {
	case short: // the connection ends
		return append(list, step{data: cut}, step{act: v.sock.close})
	case resetsBody:
		return append(list, step{data: cut}, step{raw: reset, act: given})
	case stalls:
		return append(list, step{data: cut}, step{act: func() { st.owes(2 * v.w.config.Timeouts.Body) }})
	case endsShort:
		return append(list, step{data: min(cut, p.length-1), last: true, act: given})
	case saysMore:
		return append(list, step{data: p.length}, step{data: 1 + d.size(100), blind: true, act: given})
	}
	if p.kind == chunked && p.trailers {
		trailers := [][2]string{{"x-trailer", strconv.Itoa(p.id)}}
		return append(list, step{data: p.length}, step{fields: trailers, last: true, act: whole})
	}
	half := p.length / 2
	list = append(list, step{data: half}, pause)
	if d.chance(70) {
		return append(list, step{data: p.length - half, last: true, act: whole})
	}
	return append(list, step{data: p.length - half}, step{last: true, act: whole})
}

// head is that of the reply.
func (st *strand) head() [][2]string {
	p, d := st.reply, st.session.dice
	list := [][2]string{{":status", strconv.Itoa(p.status)}, {"x-reply", strconv.Itoa(p.id)}}
	switch p.kind {
	case chunked, empty, short, resetsBody, stalls:
	default:
		list = append(list, [2]string{"content-length", strconv.Itoa(p.length)})
	}
	if d.chance(40) {
		list = append(list, [2]string{"x-filler", strings.Repeat("f", d.size(3000))})
	}
	return list
}

// badHead is a field section that is none of a response.
func (st *strand) badHead(act func()) step {
	d := st.session.dice
	if d.chance(5) { // an interim one that is to be the end
		return step{fields: [][2]string{{":status", "103"}}, last: true, act: act}
	}
	good := [2]string{":status", "200"}
	bad := one(d, [][2]string{{"x-a", "1"}}, [][2]string{{":status", "101"}}, [][2]string{{":status", "2000"}},
		[][2]string{good, {"X-Upper", "1"}}, [][2]string{good, {"connection", "close"}}, [][2]string{good, {":path", "/"}},
		[][2]string{good, {"content-length", "-1"}}, [][2]string{good, {"x-a", "a\r\nb: c"}}, [][2]string{good, good},
		[][2]string{{"x-a", "1"}, good}, [][2]string{good, {"transfer-encoding", "chunked"}},
		[][2]string{good, {"content-length", "3"}, {"content-length", "4"}},
		[][2]string{good, {"x-long", strings.Repeat("x", 40<<10)}})
	return step{fields: bad, last: d.chance(50), act: act}
}

// spoken is the end of the reply. What lb has not sent of the request is not wanted any more (RFC 9113 §8.1).
func (st *strand) spoken() {
	p, v := st.reply, st.session
	p.spoken, p.end = true, v.sock.sent
	switch {
	case p.whole:
		v.drop(st)
	case v.dice.chance(50):
		v.drop(st)
		v.says(numbers(http2.FrameRSTStream, st.id, uint32(http2.ErrCodeNo)).bytes(), nil)
	}
}

// owes demands that lb gives the stream up in time. A client that does not read may hold lb up.
func (st *strand) owes(limit time.Duration) {
	if !st.reply.whole || st.reply.kind == stalls && st.request.excused != "" {
		return
	}
	st.session.expects(fmt.Sprintf("lb gives up %v", st.request), limit, func() bool { return st.over })
}
