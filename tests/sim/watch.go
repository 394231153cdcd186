//go:build sim

package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"lb/messages"
	"lb/proxy"
	"lb/proxy/loop"
	"lb/proxy/transport"
)

// What must hold at each step.

// attempt is a head that lb sent to a host.
type attempt struct {
	host   *host
	up     *uplink
	stream uint32 // 0: of HTTP/1.1
	at     int64
}

// disowned reports whether lb has heard that its host will not look at it.
func (a *attempt) disowned() bool {
	return a.stream > 0 && a.up.unseen(a.stream)
}

var _ observer = (*world)(nil)

// calling implements observer: now and then the code that calls panics.
func (w *world) calling(s *socket) {
	if !w.stepping {
		return
	}
	if w.dice.chance(w.profile.meanwhile) {
		w.meanwhile()
	}
	if !w.profile.panics || w.dice.IntN(200) != 0 {
		return
	}
	w.trace("panic at a call on connection %d", s.id)
	switch o := s.owner.(type) {
	case *client:
		o.excuse("panic")
		if w.profile.two > 0 { // a session that was about to tell several of its exchanges something ends with all of them
			w.excuseAsking()
		}
	case *uplink:
		if o.request != nil {
			o.request.client.excuse("panic")
		}
		w.excuseAsking()
	}
	panic("simulated")
}

// excuseAsking excuses those who wait for an answer: their request may be on its way now, or share the connection.
func (w *world) excuseAsking() {
	for _, c := range w.clients {
		if c.asked > c.answers {
			c.excuse("panic")
		}
	}
}

// meanwhile lets the world go on while the worker is in the middle of a round.
func (w *world) meanwhile() {
	w.kernel.agenda.now += w.dice.Int64N(int64(100 * time.Microsecond))
	w.kernel.agenda.due()
}

// received implements observer.
func (w *world) received(s *socket) {
	if up, ok := s.owner.(*uplink); ok {
		up.read = w.kernel.agenda.now
		up.host.read = up.read
	}
}

// closing implements observer.
func (w *world) closing(s *socket) {
	switch o := s.owner.(type) {
	case *uplink:
		w.trace("lb closes its connection %d to host %d", s.id, o.host.number)
		if o.tap != nil && (s.dead || s.hears || o.session.failing()) { // requests that came meanwhile suffer from it, too
			o.host.fault()
		}
	case *client:
		w.trace("lb closes client %d, resets %v, %d sent, %d unread", o.number, s.resets, s.sent, s.arrived.len())
	}
}

// sending implements observer: it looks for heads of requests.
func (w *world) sending(s *socket, parts [][]byte, n int) {
	up, ok := s.owner.(*uplink)
	if !ok {
		return
	}
	if up.tap != nil {
		up.tap.feed(parts, n)
		return
	}
	if r := w.requestOf(parts[0]); r != nil {
		if up.served > 0 && !w.usable(up.host) {
			w.fail("lb sends %v to host %d, which is not to be used", r, up.host.number)
		}
		w.judgeReuse(r, s, up)
		s.looked = false
		up.served++
		up.request = r
		if up.service.spoiled { // what was said unasked is now the answer, for all that lb knows
			up.service.answered = true
		}
		w.sendsHead(r, s, up, 0)
	}
}

// sendsHead notes an attempt.
func (w *world) sendsHead(r *request, s *socket, up *uplink, stream uint32) {
	w.trace("lb sends %v to host %d on connection %d", r, up.host.number, s.id)
	if stream > 0 && up.unseen(stream) { // it was on its way when lb read that nobody will look at it
		return
	}
	if h := up.host; h.usableFrom == 0 && h.unusableFrom < r.begun {
		w.fail("lb sends %v to host %d, which was not to be used when it came", r, h.number)
	}
	w.judgeAttempt(r, up.host)
	r.attempts = append(r.attempts, attempt{up.host, up, stream, w.kernel.agenda.now})
}

// judgeReuse looks at a connection that is used again. What came unasked, if lb has read it, forbids that; for what
// must not be sent twice, lb has to look.
func (w *world) judgeReuse(r *request, s *socket, up *uplink) {
	v := up.service
	switch {
	case up.served == 0:
	case v.surplus > 0 && s.read > v.surplus && !v.answered:
		w.fail("lb sends %v to host %d, on a connection on which too much was said", r, up.host.number)
	case !r.idempotent() && !s.looked:
		w.fail("lb sends %v on a used connection without a look whether it still stands", r)
	}
}

// requestOf finds the request whose head begins with b; nil when none does.
func (w *world) requestOf(b []byte) *request {
	line, _, _ := bytes.Cut(b[:min(len(b), 40)], []byte(" HTTP/1.1\r\n"))
	method, target, found := bytes.Cut(line, []byte(" /r"))
	if !found || len(method) > 8 {
		return nil
	}
	id, _ := strconv.Atoi(string(target))
	return w.requests[id]
}

// judgeAttempt holds an attempt against the rules of retrying.
func (w *world) judgeAttempt(r *request, h *host) {
	if r.flaw != nil && r.flaw.head != "" {
		w.fail("lb forwards %v, which is malformed", r)
	}
	n := len(r.attempts)
	if n == 0 {
		w.judgeHome(r, h)
		return
	}
	unseen := r.attempts[n-1].disowned()
	if !unseen {
		w.resent++
	}
	seconds := float64(w.kernel.agenda.now) / float64(time.Second)
	switch {
	case !r.idempotent() && r.refusals() < n:
		w.fail("lb sends %v again", r)
	case n == maxAttempts:
		w.fail("lb sends %v more than %d times", r, maxAttempts)
	case r.status != 0:
		w.fail("lb sends %v again, which has its answer", r)
	case float64(w.resent) > 10+float64(w.count)/5+10*seconds:
		w.fail("lb sends %v again: the %dth retry of %d requests in %.1f s", r, w.resent, w.count, seconds)
	}
	for _, a := range r.attempts {
		if a.host == h {
			w.judgeRepetition(r, h)
		}
	}
}

const maxAttempts = 3

// judgeHome demands that a client comes back to the host that its cookie names, as long as nothing speaks against it.
func (w *world) judgeHome(r *request, h *host) {
	home := r.home
	if home == nil || home == h || home.faulted != 0 || home.backend.Max != 0 || w.profile.orders > 0 {
		return
	}
	if home.usableFrom > 0 && home.usableFrom <= r.begun && home.dialled < r.begun {
		w.fail("lb sends %v to host %d, its cookie names host %d", r, h.number, home.number)
	}
}

// judgeRepetition looks for a host that could have been tried instead: one that lb has no reason to pass over.
func (w *world) judgeRepetition(r *request, h *host) {
	for _, o := range w.hosts {
		tried := o == h || o.dialled >= r.begun
		for _, a := range r.attempts {
			tried = tried || a.host == o
		}
		if !tried && o.faulted == 0 && o.backend.Max == 0 && o.usableFrom > 0 && o.usableFrom <= r.begun {
			w.fail("lb sends %v to host %d again, and host %d is up", r, h.number, o.number)
		}
	}
}

// pendingLimit is what may be queued for one connection: what one read brings, with its framing.
const pendingLimit = loop.ScratchSize + loop.OutgoingRoom

// judgeQueues holds what waits to be sent against the limit.
func (w *world) judgeQueues() {
	for _, s := range w.kernel.table {
		if s == nil || s.listens {
			continue
		}
		w.judgeHeld(s)
		if c, ok := w.loop.HandlerOf(s.fd).(*transport.Conn); ok && c.Pending() > w.pendingLimit(s) {
			w.fail("%d bytes wait to be sent on connection %d", c.Pending(), s.id)
		}
	}
}

// windowLimit is how large lb makes the window of a stream, and so what a client may be behind with.
const windowLimit = 256 << 10

// pendingLimit of a connection. One of HTTP/2 has the bytes of many.
func (w *world) pendingLimit(s *socket) int {
	up, ok := s.owner.(*uplink)
	switch {
	case ok && up.tap != nil:
		return pendingLimit * (1 + len(up.tap.strands))
	case !ok && w.profile.two > 0:
		return pendingLimit + windowLimit
	}
	return pendingLimit
}

// heldLimit is what lb may have of the body of a request that shares a connection: all that it reads of a client in one
// round, which leaves at the end of the round.
const heldLimit = 32 * loop.ScratchSize

// judgeHeld holds what lb has of the bodies of requests that share a connection against the limit.
func (w *world) judgeHeld(s *socket) {
	up, ok := s.owner.(*uplink)
	if !ok || up.tap == nil {
		return
	}
	for id, t := range up.tap.strands {
		if held := t.held(); held > heldLimit {
			w.fail("%d bytes of the body of %v wait for stream %d of connection %d", held, t.request, id, s.id)
		}
	}
}

// logs takes a line of the access log.
func (w *world) logs(a *proxy.Access) {
	r := w.requestOf(fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", a.Method, a.Path))
	if r == nil {
		return
	}
	if r.logged++; r.logged > 1 {
		w.fail("%v is logged twice", r)
	}
	if a.Reason == messages.ConnectionLimitReached && a.Attempts == 0 && a.Duration >= w.config.Limits.QueueTime {
		w.judgeWaiting(r)
	}
	if a.Reason == messages.DestinationUnavailable {
		w.judgeRefused(r, a.Attempts)
	}
	if a.Attempts < len(r.attempts) || a.Attempts > maxAttempts {
		w.fail("%v is logged with %d attempts, it had %d", r, a.Attempts, len(r.attempts))
	}
}

// judgeWaiting looks for a host that would have had room for a request that was turned away.
func (w *world) judgeWaiting(r *request) {
	stats := w.worker.Stats()
	for _, h := range w.hosts {
		b := stats.Backends[h.backend.ID()]
		steady := w.usable(h) && h.faulted == 0 && w.profile.orders == 0 && h.read < w.stepped
		if b != nil && steady && b.InFlight < int64(max(h.backend.Max, 1)) {
			w.fail("%v is turned away, and host %d has %d of %d", r, h.number, b.InFlight, h.backend.Max)
		}
	}
}

// judgeRest is what must be left when everything is over: nothing.
func (w *world) judgeRest() {
	for _, s := range w.kernel.opened() {
		if !s.listens {
			w.fail("connection %d is left open (%v)", s.id, s.address)
		}
	}
	s := w.worker.Stats()
	if s.Active != 0 || s.InFlight != 0 {
		w.fail("%d connections and %d exchanges are left in the counters", s.Active, s.InFlight)
	}
	for _, h := range w.hosts {
		if b := s.Backends[h.backend.ID()]; b != nil && (b.InFlight != 0 || b.Pool.Open != 0 || b.Pool.Idle != 0) {
			w.fail("host %d: %d attempts, %d connections, %d of them idle, are left in the counters", h.number, b.InFlight,
				b.Pool.Open, b.Pool.Idle)
		}
	}
	w.judgeCounters(&s)
}

// judgeCounters compares the counters with what was seen.
func (w *world) judgeCounters(s *messages.Stats) {
	if s.Faults > 0 && w.panicked == 0 || s.Faults < w.panicked {
		w.fail("%d faults are counted, %d happened", s.Faults, w.panicked)
	}
	answered := uint64(0)
	for _, r := range w.requests {
		if r.answered {
			answered++
		}
	}
	if s.Total() < answered && w.panicked == 0 {
		w.fail("%d exchanges are counted, %d were answered", s.Total(), answered)
	}
}
