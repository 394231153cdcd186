//go:build sim

package sim

import (
	"time"
)

// misbehave changes a script to that of a client who goes away, falls silent or sends what is no request.
func (c *client) misbehave() {
	switch c.dice.weighted(20, 15, 25, 10, 20, 10) {
	case 0:
		c.breaksOff()
	case 1:
		c.stalls()
	case 2:
		c.deaf()
	case 3:
		c.cutsShort()
	case 4:
		c.errs()
	case 5:
		c.saysNothing()
	}
}

// breaksOff goes away at some time.
func (c *client) breaksOff() {
	c.excuse("client goes away")
	c.k.agenda.after(c.dice.span(0, one(c.dice, time.Millisecond, 20*time.Millisecond, time.Second)), c.sock.id, func() {
		if c.over {
			return
		}
		if c.dice.chance(50) {
			c.sock.abort()
		} else {
			c.sock.close()
		}
		c.end("it goes away")
	})
}

// stalls makes a pause somewhere in what is said.
func (c *client) stalls() {
	c.excuse("client stalls")
	i := c.dice.IntN(len(c.script))
	data := c.script[i].data
	if len(data) == 0 {
		c.script[i].pause = c.longPause()
		return
	}
	at := c.dice.IntN(len(data))
	script := append([]line(nil), c.script[:i]...)
	script = append(script, line{until: c.script[i].until, data: data[:at]}, line{pause: c.longPause(), data: data[at:]})
	c.script = append(script, c.script[i+1:]...)
}

// longPause is around the time limits.
func (c *client) longPause() time.Duration { return c.dice.span(time.Second, 20*time.Second) }

// deaf does not read for a while.
func (c *client) deaf() {
	c.excuse("client does not read")
	c.k.agenda.after(c.dice.span(0, 10*time.Millisecond), c.sock.id, func() { c.deafen(c.longPause()) })
}

// cutsShort ends its side in the middle of what it says.
func (c *client) cutsShort() {
	c.excuse("client cuts short")
	i := c.dice.IntN(len(c.script))
	if n := len(c.script[i].data); n > 0 {
		c.script[i].data = c.script[i].data[:c.dice.IntN(n)]
	}
	c.script = append(c.script[:i+1], line{act: c.sock.shut})
}

// errs sends a request that is none, behind the good ones.
func (c *client) errs() {
	flaw := one(c.dice, flaws...)
	last := c.requests[len(c.requests)-1]
	if last.upgrades || last.old {
		return
	}
	r := c.newRequest()
	r.flaw, r.upgrades, r.expects = &flaw, false, false
	if flaw.chunk != "" {
		r.method, r.chunked, r.trailers = "POST", true, false
	}
	c.requests = append(c.requests, r)
	c.script = append(c.script, c.begins(r))
	c.script = append(c.script, r.lines()...)
	c.script = append(c.script, line{act: func() { r.whole = true }})
}

// saysNothing connects, and waits. lb ends the connection in time.
func (c *client) saysNothing() {
	if c.dice.chance(50) {
		return
	}
	c.script, c.requests = []line{{until: func() bool { return false }}}, c.requests[:1]
	limit := c.w.config.Timeouts.Idle + slack + time.Second // a second to be accepted in
	c.k.agenda.after(limit, c.sock.id, func() {
		late := !c.over && c.sock.peer.fd != 0 && !c.sock.peer.closed
		if late && c.w.drained == nil && !c.w.profile.starves && !c.w.profile.limits {
			c.w.fail("client %d says nothing, and its connection stands after %v", c.number, limit)
		}
	})
}

// enterTunnel says what there is to say in a tunnel, if it became one.
func (c *client) enterTunnel() {
	r := c.requests[len(c.requests)-1]
	if !c.tunnelled {
		c.closes()
		return
	}
	body := stream{key: tunnelKey(r.id)}
	c.script = nil
	for range c.dice.between(1, 4) {
		pause := c.dice.span(0, one(c.dice, 0, time.Millisecond, 300*time.Millisecond))
		c.script = append(c.script, line{pause: pause}, line{data: body.bytes(c.dice.size(50000))})
	}
	c.script = append(c.script, line{act: func() {
		r.whole, r.tunnelled = true, body.at
		c.sock.shut()
	}})
}
