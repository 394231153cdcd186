//go:build sim

package sim

import (
	"strings"
	"time"
)

// What must hold when a request has come to its end.

// judgeHead looks at the final head of an answer.
func (w *world) judgeHead(r *request, h *head) {
	switch p := r.reply; {
	case p == nil && r.own == "" && (r.status == 408 && w.profile.hasty > 0 || h.value("X-Smuggled") != ""):
		r.excuse("answered with what a host said unasked, as the request came") // nothing tells the one from the other
	case p == nil && r.own == "":
		w.fail("%v is answered with %v by nobody", r, h)
	case p == nil:
	case r.own != "":
		w.fail("%v is answered by reply %d and by lb", r, p.id)
	case p.request != r && p.service != nil && p.service.spoiled:
		r.excuse("answered out of turn, by a host that has said more than it was asked for")
	case p.request != r:
		w.fail("%v is answered with reply %d, which is of %v", r, p.id, p.request)
	case p.status != r.status || h.count("Via") != 1:
		w.fail("%v is answered with %v, reply %d was %d", r, h, p.id, p.status)
	}
}

// judgeAnswer looks at an answer that has come to its end.
func (w *world) judgeAnswer(r *request, trailers [][2]string) {
	p := r.reply
	if r.own == "" && (p == nil || p.request != r) {
		return
	}
	if p == nil {
		w.judgeOwn(r)
		return
	}
	length := p.length
	if p.bodiless() {
		length = 0
	}
	switch {
	case p.kind == saysMore && r.got == length: // what was too much is all that is wrong with it
	case !p.honest:
		w.fail("%v has a whole answer of %d bytes, reply %d (%v) was none", r, r.got, p.id, p.kind)
	case r.got != length:
		w.fail("%v has an answer of %d bytes, reply %d (%v) had %d", r, r.got, p.id, p.kind, length)
	case p.kind == chunked && !r.old && p.trailers != (len(trailers) == 1) && !p.bodiless():
		w.fail("%v has trailers %v, reply %d had %v", r, trailers, p.id, p.trailers)
	}
}

// judgeOwn looks at an answer of lb's own: there must be a cause.
func (w *world) judgeOwn(r *request) {
	cause := func(holds bool) {
		if !holds {
			w.fail("%v is answered %d %q for no reason", r, r.status, r.own)
		}
	}
	switch {
	case r.flaw != nil && r.flaw.head != "":
		late := r.status == 408 && w.kernel.agenda.now-r.begun >= int64(w.config.Timeouts.Header)
		if r.status != r.flaw.status && !late {
			w.fail("%v is answered %d, its head %.40q demands %d", r, r.status, r.flaw.head, r.flaw.status)
		}
	case r.flaw != nil && r.status == r.flaw.status:
	case r.excused != "":
	case r.status == 500:
		cause(w.profile.starves)
	case r.status == 503 && r.own == "lb; error=destination_unavailable":
		cause(w.bare || w.unusable >= r.begun)
	case r.status == 503 && strings.HasPrefix(r.own, "lb; error=destination_unavailable"):
		cause(w.refused >= r.begun-int64(aftermath))
	case r.status == 503:
		cause(w.profile.bounded > 0)
	case r.status == 504 && r.crawls(): // the network takes longer than lb waits
	case r.status == 502 || r.status == 504:
		cause(w.faulted >= r.begun-int64(aftermath))
	default:
		cause(false)
	}
}

// aftermath is for how long a fault may go on to be felt: an end is on its way.
const aftermath = 100 * time.Millisecond

// judgeEnd looks at a request whose connection has ended before its answer did.
func (w *world) judgeEnd(r *request, how string) {
	c := r.client
	switch {
	case r.excused != "" || c.last && r.status == 0: // lb announced that it would not be read
	case c.sock.peer.read <= r.offset: // and was not read
	case c.followsEarly(r), c.precedesCut(r):
	case w.drained != nil && w.kernel.agenda.now >= w.drained.until:
	case r.status == 0 && how == "end":
		w.fail("%v has neither an answer nor a reset", r)
	case w.profile.calm || w.faulted < r.begun-int64(aftermath):
		w.fail("%v is cut (%s) after %d, %d bytes, for no reason", r, how, r.status, r.got)
	default:
		w.judgeCut(r, how)
	}
}

// followsEarly reports whether an answer came before its request was whole: the connection ends with it (RFC 9112
// §9.6).
func (c *client) followsEarly(r *request) bool {
	for _, before := range c.requests {
		for _, p := range before.replies {
			if p.early && before != r {
				return true
			}
		}
	}
	return false
}

// precedesCut reports whether a request behind r was begun: the reset that ends its answer may overtake that of r.
func (c *client) precedesCut(r *request) bool {
	after := false
	for _, other := range c.requests {
		if after && len(other.attempts) > 0 {
			return true
		}
		after = after || other == r
	}
	return false
}

// judgeCut looks for a whole reply that the worker has read and withheld.
func (w *world) judgeCut(r *request, how string) {
	for _, p := range r.replies {
		delivered := p.spoken && p.sock.peer.read >= p.end && p.kind != untilEnd && p.kind != tunnels
		if p.honest && !p.early && delivered {
			w.fail("%v is cut (%s) after %d, %d bytes, reply %d was read to its end", r, how, r.status, r.got, p.id)
		}
	}
}

// judgeWhole looks at a request that its host takes for whole.
func (w *world) judgeWhole(r *request, p *reply, h *host, trailers [][2]string) {
	if p.received != r.length || r.flaw != nil {
		w.fail("host %d took %v for whole with %d of %d bytes (flaw %v)", h.number, r, p.received, r.length, r.flaw)
	}
	if r.trailers != (len(trailers) == 1) {
		w.fail("host %d: %v came with trailers %v", h.number, r, trailers)
	}
}

// crawls reports whether the request, or a part of it, has not come to its host.
func (r *request) crawls() bool {
	return len(r.attempts) > len(r.replies) || len(r.replies) > 0 && !r.replies[len(r.replies)-1].whole
}

// refusals are the attempts that hosts have refused to look at.
func (r *request) refusals() (n int) {
	for _, a := range r.attempts {
		if a.disowned() {
			n++
		}
	}
	return n
}

// kept is how much of a request's body is kept for another attempt, at least.
const kept = 32 << 10

// judgeRefused looks at a request that lb gave up after a refusal: what nobody has looked at has to be tried again.
func (w *world) judgeRefused(r *request, attempts int) {
	troubled := w.profile.starves || w.faulted >= r.begun-int64(aftermath) || w.unusable >= r.begun || w.bare
	if attempts > 0 && attempts < maxAttempts && r.length < kept && !troubled && r.excused == "" {
		w.fail("%v was refused, and is given up after %d attempts", r, attempts)
	}
}
