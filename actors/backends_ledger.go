package actors

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/actors/health"
	"lb/messages"
)

// ledger is what is known of the backends. It outlives an actor that fails: the next one goes on from it. Only the present
// one touches it.
type ledger struct {
	config     messages.Config
	generation uint64 // of the last snapshot
	entries    map[string]*entry
	order      []*entry // as members of a snapshot
	services   map[string]*listing
}

func newLedger(config messages.Config) *ledger {
	return &ledger{config: config, entries: make(map[string]*entry), services: make(map[string]*listing)}
}

// entry is one backend.
type entry struct {
	backend messages.Backend // as configured
	weight  int              // by order; 0: the configured one
	drained bool             // by order
	delay   time.Duration    // until its first probe
	rises   time.Time        // when it began to start slowly; zero: it does not
	waived  bool             // nobody waits for its name any more
	falls   bool             // it was told to, and has not said that it did
	last    standing
	sent    duty
	pid     *actor.PID // nil while a predecessor of the same name goes
}

// listing is what a service name has listed.
type listing struct {
	services []Service
	asked    bool // it was looked up once, or is not waited for any more
	pid      *actor.PID
}

// standing is what a backend actor has found out. It is a value, enough for a successor to go on from.
type standing struct {
	id        string
	settled   bool // the name was looked up once
	addresses []netip.Addr
	machine   health.Machine // a copy
	doubted   bool           // it waits for whether it is to go down
	felled    bool           // it went down by requests, and no probe has failed since
	// The state that workers go by, since when, and why.
	state          messages.State
	since          time.Time
	why            string
	changes        uint64
	passed, failed uint64
}

// duty is what a backend actor is to do, as far as it can change while it lives.
type duty struct {
	backend messages.Backend
	health  messages.Health
	drained bool
	tls     *tls.Config // for all backends; never written
}

// effective is the backend with the weight that holds now.
func (e *entry) effective() messages.Backend {
	b := e.backend
	if e.weight > 0 {
		b.Weight = e.weight
	}
	return b
}

func (e *entry) settled() bool { return e.last.settled || e.waived }

// member is the backend as the workers see it. One without an address gets no requests.
func (e *entry) member(now time.Time, slow time.Duration) messages.Member {
	m := messages.Member{
		Backend: e.effective(), Addresses: withPort(e.last.addresses, e.backend.Port),
		State: e.last.state, Share: e.share(now, slow),
	}
	if len(m.Addresses) == 0 && m.State == messages.Up {
		m.State = messages.Down
	}
	return m
}

func (e *entry) status(now time.Time, slow time.Duration) messages.BackendStatus {
	m := e.member(now, slow)
	return messages.BackendStatus{
		Backend: m.Backend, Addresses: m.Addresses, State: m.State, Share: m.Share,
		Since: e.last.since, Why: e.last.why, Passed: e.last.passed, Failed: e.last.failed, Changes: e.last.changes,
	}
}

// leastShare is what a backend begins with that starts slowly, in percent.
const leastShare = 10

// share is the part of its share that the backend gets, in percent; it is full after the time for a slow start.
func (e *entry) share(now time.Time, slow time.Duration) int {
	elapsed := now.Sub(e.rises)
	if e.rises.IsZero() || elapsed >= slow {
		e.rises = time.Time{}
		return 100
	}
	return leastShare + int((100-leastShare)*int64(elapsed)/int64(slow))
}

// stepOf is the time between two snapshots of a slow start.
func stepOf(slow time.Duration) time.Duration { return max(slow/10, time.Second) }

func withPort(addresses []netip.Addr, port uint16) []netip.AddrPort {
	list := make([]netip.AddrPort, 0, len(addresses))
	for _, a := range addresses {
		list = append(list, netip.AddrPortFrom(a.Unmap(), port))
	}
	return list
}
