//go:build sim

package sim

import (
	"fmt"
	"strings"
	"time"

	"lb/messages"
)

// kind of a reply. Those from the first lie on are not whole, or no response at all.
type kind uint8

const (
	counted     kind = iota // with its length
	chunked                 // in chunks
	untilEnd                // ends with the connection
	empty                   // 204 or 304
	closing                 // counted, and says that the connection ends
	tunnels                 // 101
	firstLie                //
	short                   // ends before its length
	shortChunk              // ends before its last chunk
	resetsBody              // like short, with a reset
	stalls                  // falls silent in the body
	silent                  // never says a word
	hangsUp                 // ends instead of an answer
	resets                  // resets instead of an answer
	garbage                 // is no HTTP
	badChunk                // has a chunk that is none
	twoLengths              // has two lengths
	extra                   // says more than its length
	unasked                 // 101 to a request that did not ask for it
	kinds                   // those from here on are of HTTP/2 only
	resetsEarly             // resets the stream before the head
	refuses                 // refuses the stream
	goesAway                // goes away, perhaps without a look at the stream
	endsShort               // ends the stream before its length
	saysMore                // says more than its length
	badHead                 // has a head that is none
	dataFirst               // has no head
	breaksRule              // breaks a rule that costs the connection
	withholds               // never opens the window of the stream
	allKinds
)

var kindWords = [...]string{
	"counted", "chunked", "until end", "empty", "closing", "tunnels", "-", "short", "short chunks", "resets body",
	"stalls", "silent", "hangs up", "resets", "garbage", "bad chunk", "two lengths", "extra", "unasked", "-",
	"resets early", "refuses", "goes away", "ends short", "says more", "bad head", "data first", "breaks a rule",
	"withholds",
}

func (k kind) String() string { return kindWords[k] }

// reply is what a host makes of a request that it got.
type reply struct {
	id       int
	request  *request
	service  *service // nil: it is of HTTP/2
	sock     *socket  // of the host
	dice     dice
	kind     kind
	status   int
	length   int  // of the body, if it is whole
	early    bool // it begins before the request is whole
	interims int
	trailers bool
	slow     bool
	honest   bool

	received int    // bytes of the request's body
	whole    bool   // the request was read to its end
	begun    bool   // to be said
	spoken   bool   // to its end
	end      int    // where, in the service's stream
	upstream stream // of a tunnel, what the client says
}

func (p *reply) key() uint64 { return 1<<32 + uint64(p.id) }

// tunnelKey is the key of what the client says in a tunnel.
func tunnelKey(request int) uint64 { return 1<<33 + uint64(request) }

// newReply draws one of a host. Its lies are those of all, and others from first to end.
func (w *world) newReply(r *request, h *host, d dice, first, end kind) *reply {
	w.made++
	p := &reply{id: w.made, request: r, dice: d, status: one(d, 200, 200, 200, 201, 404, 500, 503)}
	w.replies[p.id] = p
	r.replies = append(r.replies, p)
	p.length = d.size(w.profile.largest)
	p.slow = d.chance(10)
	p.interims = max(0, d.between(-6, 2))
	p.trailers = d.chance(30)
	p.early = d.chance(w.profile.early)
	p.honest = true
	two := h.backend.Scheme == messages.H2C
	switch {
	case two:
		p.kind = one(d, counted, counted, chunked, chunked, empty)
	default:
		p.kind = kind(d.weighted(40, 30, 8, 8, 8))
	}
	switch {
	case w.profile.storms:
		p.kind, p.early, p.honest = one(d, hangsUp, resets), true, false
	case d.chance(h.lies):
		p.kind, p.honest = first+kind(d.IntN(int(end-first))), false
		if two && d.chance(30) {
			p.kind = one(d, short, resetsBody, stalls, silent, hangsUp, resets)
		}
	case r.upgrades && !two && d.chance(70):
		p.kind, p.early, p.status, p.interims = tunnels, false, 101, 0
	}
	p.adapt()
	return p
}

// adapt makes what was drawn fit together.
func (p *reply) adapt() {
	switch p.kind {
	case empty:
		p.status, p.length = one(p.dice, 204, 304), 0
	case extra, goesAway:
		p.honest = true
	case short, resetsBody, stalls, endsShort:
		p.length++
	case tunnels:
		p.upstream = stream{key: tunnelKey(p.request.id)}
	case unasked:
		if p.request.upgrades {
			p.kind = garbage
		}
	}
	if p.request.method == "HEAD" && p.kind != tunnels {
		switch p.kind {
		case short, shortChunk, resetsBody, stalls, badChunk, endsShort, saysMore:
			p.kind, p.honest = counted, true
		}
	}
}

// more is what a host says behind its reply when it says too much.
const more = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Smuggled: 1\r\n\r\n"

// bodiless reports whether no body may follow the head.
func (p *reply) bodiless() bool { return p.request.method == "HEAD" || p.kind == empty }

// lines are what the host says.
func (p *reply) lines() []line {
	v := p.service
	switch p.kind {
	case silent:
		v.expectsEnd(v.w.config.Timeouts.Response, true)
		return []line{{until: never}}
	case hangsUp:
		return []line{{act: v.sock.close}}
	case resets:
		return []line{{act: v.sock.abort}}
	case garbage:
		return []line{{data: []byte(one(v.dice, "SSH-2.0-sim\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "\x00\x01\x02\x03"))}}
	case unasked:
		return []line{{data: []byte("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: sim\r\n\r\n")}}
	}
	var list []line
	for i := range p.interims {
		status := one(v.dice, "100 Continue", "102 Processing", "103 Early Hints")
		list = append(list, line{data: fmt.Appendf(nil, "HTTP/1.1 %s\r\nX-Interim: %d\r\n\r\n", status, i)}, p.pause())
	}
	list = append(list, p.pause(), line{data: []byte(p.head())})
	return append(list, p.body()...)
}

func never() bool { return false }

// pause is within the limits of time.
func (p *reply) pause() line {
	if !p.slow {
		return line{}
	}
	d := p.dice
	return line{pause: d.span(0, one(d, time.Millisecond, 50*time.Millisecond, 500*time.Millisecond))}
}

func (p *reply) head() string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "HTTP/1.1 %d Sim\r\nX-Reply: %d\r\n", p.status, p.id)
	switch p.kind {
	case tunnels:
		b.WriteString("Connection: upgrade\r\nUpgrade: sim\r\n")
	case chunked, shortChunk, badChunk:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	case untilEnd:
	case empty:
	case twoLengths:
		fmt.Fprintf(b, "Content-Length: %d\r\nContent-Length: %d\r\n", p.length, p.length+1)
	default:
		fmt.Fprintf(b, "Content-Length: %d\r\n", p.length)
	}
	if p.kind == closing {
		b.WriteString("Connection: close\r\n")
	}
	return b.String() + "\r\n"
}

// body is what comes behind the head.
func (p *reply) body() []line {
	v, body := p.service, stream{key: p.key()}
	if p.bodiless() {
		if p.kind == closing || p.kind == untilEnd {
			return []line{{act: v.sock.close}}
		}
		return nil
	}
	cut := v.dice.IntN(p.length + 1)
	switch p.kind {
	case chunked:
		return p.chunks(&body, p.length, "0\r\n"+p.trailer()+"\r\n")
	case shortChunk:
		return append(p.chunks(&body, cut, ""), line{act: v.sock.close})
	case badChunk:
		return p.chunks(&body, cut, "-1\r\n")
	case untilEnd, closing:
		return []line{{data: body.bytes(p.length)}, {act: v.sock.close}}
	case tunnels:
		return []line{{data: body.bytes(p.length)}, p.pause(), {act: v.sock.shut}}
	case short:
		return []line{{data: body.bytes(min(cut, p.length-1))}, {act: v.sock.close}}
	case resetsBody:
		return []line{{data: body.bytes(min(cut, p.length-1))}, p.pause(), {act: v.sock.abort}}
	case stalls:
		return []line{
			{data: body.bytes(min(cut, p.length-1))},
			{act: func() { v.expectsEnd(2*v.w.config.Timeouts.Body, false) }},
			{until: never},
		}
	case extra:
		return []line{{data: append(body.bytes(p.length), more...)}}
	}
	if p.length == 0 {
		return nil
	}
	half := p.length / 2
	return []line{{data: body.bytes(half)}, p.pause(), {data: body.bytes(p.length - half)}}
}

func (p *reply) trailer() string {
	if !p.trailers {
		return ""
	}
	return fmt.Sprintf("X-Trailer: %d\r\n", p.id)
}

func (p *reply) chunks(body *stream, length int, end string) []line {
	var b []byte
	for left := length; left > 0; {
		n := max(p.dice.size(left), left/40, 1)
		b = fmt.Appendf(b, "%x\r\n", n)
		b = append(append(b, body.bytes(n)...), "\r\n"...)
		left -= n
	}
	return []line{{data: b}, p.pause(), {data: []byte(end)}}
}

// expectsEnd demands that lb gives the connection up in time. A client that does not read may hold lb up.
func (v *service) expectsEnd(limit time.Duration, always bool) {
	p, limit := v.reply, limit+slack
	if !p.whole || v.spoiled || !always && p.request.excused != "" {
		return
	}
	v.k.agenda.after(limit, v.sock.id, func() {
		lb := v.sock.peer
		read := lb.owner.(*uplink).read
		switch {
		case lb.closed:
		case lb.read < v.sock.sent || v.k.agenda.now < read+int64(limit):
			v.expectsEnd(limit-slack, always)
		default:
			v.w.fail("host %d owes an answer to %v for %v, and lb waits", v.host.number, p.request, limit)
		}
	})
}
