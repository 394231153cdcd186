//go:build sim

package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// service is a host's end of a connection.
type service struct {
	actor
	host   *host
	w      *world
	reader reader
	reply  *reply // that is being made; nil: none
	body   stream // of the request that is read
	// spoiled: it has said more than its reply, which lb may take for that to the next request.
	spoiled  bool
	surplus  int  // where in its stream that begins; 0: not known
	answered bool // a request was sent since
}

func (h *host) serve(s *socket) *service {
	v := &service{host: h, w: h.w}
	v.k, v.dice = h.w.kernel, newDice(h.w.seed, 1<<20+s.id)
	v.reader.audience, v.reader.requests = v, true
	v.reads = v.heard
	v.habits(v.dice.chance(h.w.profile.slow))
	v.attach(s)
	return v
}

// heard takes what came from lb.
func (v *service) heard(b []byte, err unix.Errno) {
	if len(b) > 0 {
		if err := v.reader.feed(b); err != nil {
			v.w.fail("host %d got what is no request: %v", v.host.number, err)
		}
		return
	}
	v.w.trace("host %d hears the end of connection %d: %v", v.host.number, v.sock.id, err)
	if v.reply != nil && v.reply.kind == tunnels && err == 0 {
		v.reader.finish()
		v.judgeTunnel()
		return // its own side has its own end
	}
	v.sock.close()
}

// judgeTunnel demands all that a client has said in a tunnel which it has ended in order.
func (v *service) judgeTunnel() {
	p := v.reply
	if r := p.request; r.tunnelled > 0 && r.excused == "" && p.upstream.at != r.tunnelled {
		v.w.fail("%v: %d bytes of the tunnel came, its client said %d", r, p.upstream.at, r.tunnelled)
	}
}

// headRead implements audience.
func (v *service) headRead(h *head) (noBody bool) {
	if v.reply != nil && !v.spoiled {
		v.w.fail("host %d got %v while it answers %v", v.host.number, h.first, v.reply.request)
	}
	id, _ := strconv.Atoi(strings.TrimPrefix(h.first[1], "/r"))
	r := v.w.requests[id]
	if r == nil {
		v.w.fail("host %d got %v, which nobody asked for", v.host.number, h.first)
		return false
	}
	v.judge(r, h)
	v.body = stream{key: uint64(r.id)}
	v.reply = v.w.newReply(r, v.host, v.dice, firstLie+1, kinds)
	v.reply.service, v.reply.sock = v, v.sock
	p := v.reply
	v.w.trace("host %d gets %v: reply %d, %v, %d, %d bytes", v.host.number, r, p.id, p.kind, p.status, p.length)
	if p.early {
		v.answers()
	}
	return false
}

// judge says whether the head is what a proxy makes of the request.
func (v *service) judge(r *request, h *head) {
	fault := r.faultOf(h)
	switch {
	case fault != "":
	case h.first[2] != "HTTP/1.1":
		fault = h.first[2]
	case r.upgrades && h.value("Upgrade") != "sim":
		fault = "no Upgrade"
	case !r.upgrades && h.count("Connection") > 0:
		fault = "a Connection field"
	}
	if fault != "" {
		v.w.fail("host %d got %v with faults: %s", v.host.number, r, fault)
	}
}

// faultOf a head, if it is not what a proxy makes of the request.
func (r *request) faultOf(h *head) string {
	var wrong []string
	demand := func(name, value string) {
		if h.value(name) != value || h.count(name) != 1 {
			wrong = append(wrong, fmt.Sprintf("%s is %q", name, h.value(name)))
		}
	}
	version := "1.1"
	if r.old {
		version = "1.0"
	}
	demand("Via", version+" lb")
	demand("X-Forwarded-For", r.client.address.Addr().String())
	demand("Host", "sim.example")
	if h.first[0] != r.method || h.count("X-Hop") > 0 {
		wrong = append(wrong, strings.Join(h.first, " "))
	}
	if !r.chunked && r.length > 0 {
		demand("Content-Length", strconv.Itoa(r.length))
	}
	return strings.Join(wrong, "; ")
}

// dataRead implements audience.
func (v *service) dataRead(b []byte) {
	if v.reply.kind == tunnels && v.reply.begun {
		if !v.reply.upstream.check(b) {
			v.w.fail("%v: bytes of the tunnel are not those of its client", v.reply.request)
		}
		return
	}
	v.reply.received += len(b)
	if !v.body.check(b) {
		v.w.fail("host %d: byte %d of the body of %v or one behind it is another", v.host.number, v.reply.received-len(b),
			v.reply.request)
	}
}

// messageRead implements audience.
func (v *service) messageRead(trailers [][2]string) {
	p := v.reply
	if p.kind == tunnels && p.begun {
		return
	}
	r := p.request
	v.w.judgeWhole(r, p, v.host, trailers)
	p.whole = true
	if !p.early {
		v.answers()
	} else if p.spoken {
		v.free()
	}
}

// answers begins the reply.
func (v *service) answers() {
	p := v.reply
	p.begun = true
	v.spoiled = v.spoiled || p.kind == extra
	if p.kind == tunnels {
		v.reader.part = untilClose
	}
	if !p.honest || p.early {
		v.host.fault()
	}
	v.script = append(v.script, p.lines()...)
	v.script = append(v.script, line{act: func() {
		p.spoken = true
		p.end = v.sock.sent
		if p.kind == extra && !p.bodiless() {
			v.surplus = p.end - len(more)
		}
		if p.whole && p.kind != tunnels {
			v.free()
		}
	}})
	v.awake()
}

// free makes the connection ready for the next request.
func (v *service) free() {
	v.reply = nil
	served := v.sock.sent
	up := v.sock.peer.owner.(*uplink)
	requests := up.served // one may be on its way
	idle := func() bool {
		return !v.sock.closed && v.reply == nil && v.sock.sent == served && up.served == requests
	}
	if v.host.hasty {
		v.k.agenda.after(v.dice.span(0, time.Second), v.sock.id, func() {
			if idle() {
				v.host.fault()
				v.w.trace("host %d ends an idle connection", v.host.number)
				v.endsIdle()
			}
		})
	}
	v.expectsUse(idle)
}

// expectsUse demands that lb ends the connection when it was idle for long enough. It is so for lb only once it has
// read all.
func (v *service) expectsUse(idle func() bool) {
	limit := int64(v.w.config.Timeouts.Idle + slack)
	v.k.agenda.after(time.Duration(limit), v.sock.id, func() {
		lb := v.sock.peer
		switch read := lb.owner.(*uplink).read; {
		case !idle() || lb.closed:
		case lb.read < v.sock.sent || v.k.agenda.now < read+limit:
			v.expectsUse(idle)
		default:
			v.w.fail("a connection to host %d is idle for %v", v.host.number, time.Duration(limit))
		}
	})
}

func (v *service) endsIdle() {
	v.expectsNotice()
	switch v.dice.IntN(4) {
	case 0:
		v.sock.abort()
	case 1:
		v.sock.send([][]byte{[]byte("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")})
		v.sock.close()
	default:
		v.sock.close()
	}
}

// noticed is how soon lb is to drop a connection that its host has ended while it was idle. It has come by then.
const noticed = 300 * time.Millisecond

// expectsNotice demands that lb drops the connection, unless it is busy with the last reply.
func (v *service) expectsNotice() {
	up := v.sock.peer.owner.(*uplink)
	served, said := up.served, v.sock.sent
	v.k.agenda.after(noticed, v.sock.id, func() {
		if lb := v.sock.peer; (lb.hears || lb.dead) && !lb.closed && lb.read >= said && up.served == served {
			v.w.fail("lb keeps an idle connection to host %d, which has ended it", v.host.number)
		}
	})
}
