//go:build sim

package sim

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// client is a connection of one, with all requests that are made on it.
type client struct {
	actor
	w         *world
	number    int
	address   netip.AddrPort
	requests  []*request
	reader    reader
	asked     int      // requests whose first byte was sent
	answers   int      // requests that have their answer
	body      stream   // of the answer that is read
	continued *request // that got 100
	last      bool     // the connection was announced to end
	tunnelled bool
	over      bool
}

// newClient makes a client that calls after a while.
func (w *world) newClient(number int) *client {
	c := &client{w: w, number: number}
	c.k, c.dice = w.kernel, newDice(w.seed, -1000-number)
	c.address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 9, byte(number)}), uint16(2000+number))
	c.reader.audience = c
	c.reads, c.spoke = c.heard, c.told
	c.habits(c.dice.chance(w.profile.slow))
	w.kernel.agenda.after(c.dice.span(0, w.profile.arrivals), -1000-number, c.call)
	return c
}

func (c *client) call() {
	c.attach(c.k.call(c.address))
	c.sock.peer.owner = c
	c.plan()
	c.w.trace("client %d calls, with %d requests", c.number, len(c.requests))
	c.awake()
}

// plan writes the script of a connection.
func (c *client) plan() {
	d := c.dice
	pipelines, old := d.chance(20), d.chance(c.w.profile.old)
	pipelines = pipelines && !old // RFC 9112 §9.3.2 has it for HTTP/1.1 only
	for i := range d.between(1, c.w.profile.requests) {
		r := c.newRequest()
		r.old = old
		if old {
			r.chunked, r.trailers, r.expects = false, false, false
		}
		c.requests = append(c.requests, r)
		if i > 0 {
			c.thinks(i, pipelines)
		}
		if d.chance(c.w.profile.sabotaged) {
			r.sabotaged = true
		}
		c.upgrades(r)
		c.script = append(c.script, c.begins(r))
		c.script = append(c.script, r.lines()...)
		c.script = append(c.script, line{act: func() { r.whole = true }})
		if r.upgrades {
			break
		}
	}
	if d.chance(c.w.profile.rude) {
		c.misbehave()
	}
	if slices.ContainsFunc(c.requests, func(r *request) bool { return r.sabotaged }) {
		c.excuse("sabotaged")
	}
	c.leaves()
}

// upgrades makes some requests offers to become a tunnel.
func (c *client) upgrades(r *request) {
	if r.method == "GET" && !r.old && !r.sabotaged && c.dice.chance(8) {
		r.upgrades = true
	}
}

// begins notes where in the stream a request begins.
func (c *client) begins(r *request) line {
	return line{act: func() {
		r.offset, r.begun = c.sock.sent, c.k.agenda.now
		c.asked++
		c.w.trace("client %d asks r%d %s, body %d, chunked %v", c.number, r.id, r.method, r.length, r.chunked)
	}}
}

// thinks waits for the answer before, unless the client pipelines.
func (c *client) thinks(i int, pipelines bool) {
	pause := c.dice.span(0, one(c.dice, 10*time.Microsecond, time.Millisecond, 100*time.Millisecond, 6*time.Second))
	if pipelines {
		c.script = append(c.script, line{pause: pause / 100})
		return
	}
	c.script = append(c.script, line{until: func() bool { return c.answers >= i }}, line{pause: pause})
}

// leaves ends the connection, in one of the ways that are in order.
func (c *client) leaves() {
	all := line{until: func() bool { return c.answers == len(c.requests) || c.tunnelled }}
	tunnel := c.requests[len(c.requests)-1].upgrades
	switch {
	case tunnel:
		c.script = append(c.script, all, line{act: c.enterTunnel})
	case c.dice.chance(30):
		c.script = append(c.script, line{act: c.sock.shut}, all)
	case c.dice.chance(30):
		c.script = append(c.script, all) // and waits for the other side
	default:
		c.script = append(c.script, all, line{pause: c.dice.span(0, time.Second)}, line{act: c.closes})
	}
}

func (c *client) closes() {
	c.sock.close()
	c.end("its own end")
}

// told counts nothing: the kernel does.
func (c *client) told(int) {}

func (c *client) excuse(why string) {
	for _, r := range c.requests {
		r.excuse(why)
	}
}

// heard takes what came from lb.
func (c *client) heard(b []byte, err unix.Errno) {
	switch {
	case len(b) > 0:
		if err := c.reader.feed(b); err != nil {
			c.w.fail("client %d got what is no response: %v", c.number, err)
		}
		return
	case err != 0:
		c.end(err.Error())
	default:
		c.w.trace("client %d hears the end", c.number)
		if c.reader.part == untilClose {
			c.reader.finish()
		}
		c.end("end")
	}
	c.sock.close()
}

// headRead implements audience.
func (c *client) headRead(h *head) (noBody bool) {
	c.w.trace("client %d reads %s %s", c.number, h.first[1], h.value("Proxy-Status"))
	if c.answers >= c.asked {
		c.w.fail("client %d got an answer to nothing: %v", c.number, h.first)
		return true
	}
	r := c.requests[c.answers]
	if h.status() < 200 && h.status() != 101 {
		if r.old {
			c.w.fail("%v of HTTP/1.0 got %v", r, h.first)
		}
		c.continued = r
		c.awake()
		return true
	}
	r.status, r.own = h.status(), h.value("Proxy-Status")
	if id, err := strconv.Atoi(h.value("X-Reply")); err == nil {
		r.reply = c.w.replies[id]
		c.body = stream{key: r.reply.key()}
	}
	c.last = c.last || strings.EqualFold(h.value("Connection"), "close") || r.old && h.count("Connection") == 0
	c.w.judgeHead(r, h)
	c.tunnelled = r.status == 101
	return r.method == "HEAD" || r.status == 204 || r.status == 304
}

// dataRead implements audience.
func (c *client) dataRead(b []byte) {
	r := c.requests[c.answers]
	r.got += len(b)
	if r.reply != nil && !c.body.check(b) {
		c.w.fail("%v: byte %d of the answer or one behind it is not of reply %d", r, r.got-len(b), r.reply.id)
	}
}

// messageRead implements audience.
func (c *client) messageRead(trailers [][2]string) {
	r := c.requests[c.answers]
	r.answered = true
	c.answers++
	c.w.judgeAnswer(r, trailers)
	if !r.whole {
		c.abandon()
	}
	c.awake()
}

// abandon stops sending a request that has its answer: the rest would not be read.
func (c *client) abandon() {
	for _, r := range c.requests[c.answers:] {
		r.excuse("behind a request that was answered early")
	}
	c.script = []line{{act: c.sock.shut}}
}

// end is the end of the connection, however it came.
func (c *client) end(how string) {
	if c.over {
		return
	}
	c.over = true
	c.w.trace("client %d is over: %s", c.number, how)
	for _, r := range c.requests[:c.asked] {
		if !r.answered {
			c.w.judgeEnd(r, how)
		}
	}
}
