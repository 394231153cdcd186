//go:build sim

package sim

import (
	"time"

	"lb/messages"
)

// profile is what kind of world a seed makes. The numbers without a unit are percents.
type profile struct {
	calm     bool // nothing goes wrong: every request must have its answer
	clients  int
	hosts    int
	requests int           // of a client, at most
	largest  int           // body in bytes
	arrivals time.Duration // within which the clients call

	slow, rude, old, sabotaged              int // clients, slow also hosts; old ones speak HTTP/1.0
	lies, early, flaky, hasty, bounded      int // hosts and their replies
	two                                     int // hosts that speak HTTP/2
	orders                                  int // of the control plane
	lags                                    int // rounds of the loop, which take long
	meanwhile                               int // system calls, during which other things happen
	drains, starves, panics, limits, storms bool
}

func newProfile(d dice) profile {
	p := profile{
		clients: d.between(1, 10), hosts: d.between(1, 4), requests: d.between(1, 6),
		largest:  one(d, 100, 5000, 100_000, 100_000, 300_000),
		arrivals: one(d, time.Millisecond, 100*time.Millisecond, 3*time.Second),
		slow:     one(d, 0, 10, 40), old: one(d, 5, 15, 60),
		lags: one(d, 0, 5, 5, 50), meanwhile: one(d, 0, 0, 5, 50),
		orders:  max(0, d.between(-3, 5)),
		bounded: one(d, 0, 0, 0, 50), two: one(d, 0, 50, 100),
	}
	if p.calm = d.chance(25); p.calm {
		p.bounded = 0
		return p
	}
	p.rude, p.sabotaged = one(d, 0, 20, 50), one(d, 0, 0, 5)
	p.lies, p.early = one(d, 0, 10, 30), one(d, 0, 10)
	p.flaky, p.hasty = one(d, 0, 30, 60), one(d, 0, 50)
	if d.chance(3) {
		p.storm()
	}
	p.drains, p.starves, p.panics, p.limits = d.chance(15), d.chance(10), d.chance(8), d.chance(10)
	return p
}

// storm makes a world in which nearly every attempt fails, at once and after the request was sent: the budget of
// retries is all that keeps hosts from being hit three times as often.
func (p *profile) storm() {
	p.storms = true
	p.clients, p.requests, p.largest, p.arrivals = 40, 8, 100, 200*time.Millisecond
	p.rude, p.slow, p.sabotaged, p.flaky, p.bounded = 0, 0, 0, 0, 0
}

// slack is what a time limit may be exceeded by: a tick of the wheel, and what a round takes.
const slack = 60 * time.Millisecond

func newConfig(d dice, p *profile) messages.Config {
	c := messages.DefaultConfig()
	c.Timeouts = messages.Timeouts{
		Connect: d.span(500*time.Millisecond, 2*time.Second), Header: d.span(time.Second, 3*time.Second),
		Body: d.span(2*time.Second, 4*time.Second), Response: d.span(2*time.Second, 5*time.Second),
		Idle: d.span(3*time.Second, 7*time.Second), Tunnel: d.span(5*time.Second, 9*time.Second),
	}
	c.Strategy = messages.Strategy(d.IntN(len(messages.Strategies())))
	c.FailOpen = d.chance(30)
	c.AccessLog = one(d, messages.AccessOn, messages.AccessErrors, messages.AccessOff)
	c.Health.Interval = d.span(500*time.Millisecond, 3*time.Second)
	c.Health.Fall = one(d, 0, 1, 3, 3)
	c.Health.Rise = d.between(1, 2)
	if d.chance(15) {
		c.Sticky = "sim"
	}
	if p.calm && p.two > 0 { // the windows of slow hosts let nothing go for a long time
		c.Timeouts.Body, c.Timeouts.Response = 5*c.Timeouts.Body, 5*c.Timeouts.Response
	}
	if p.limits {
		c.Limits.Connections = d.between(1, p.clients)
	}
	if p.bounded > 0 {
		c.Limits.Queue, c.Limits.QueueTime = d.between(1, 20), d.span(100*time.Millisecond, 3*time.Second)
	}
	return c
}
