package actors

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

const (
	// lookupWithin bounds one lookup of a name.
	lookupWithin = 5 * time.Second
	// lookupEvery is how often a name is looked up again; one that did not resolve, sooner.
	lookupEvery = 30 * time.Second
	lookupSoon  = 2 * time.Second
)

// Lookup resolves a host name to all its addresses.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// backends is the actor that knows the backends and tells the workers of them.
type backends struct {
	system     *supervisor.System
	workers    *actor.PID
	config     messages.Config
	lookup     Lookup
	log        zerolog.Logger
	addresses  map[string][]netip.Addr // by host
	waiting    map[string]bool         // hosts whose first lookup runs
	generation uint64
	published  bool
}

// resolved is what a lookup brought.
type resolved struct {
	host      string
	addresses []netip.Addr
	err       error
}

// lookAgain orders the next lookup of a host.
type lookAgain struct{ host string }

func newBackends(system *supervisor.System, workers *actor.PID, o Options) *backends {
	b := &backends{
		system: system, workers: workers, config: o.Config, lookup: o.Lookup, log: named(o.Log, "backends"),
		addresses: make(map[string][]netip.Addr), waiting: make(map[string]bool),
	}
	if b.lookup == nil {
		b.lookup = systemLookup
	}
	return b
}

// Receive implements actor.Actor.
func (b *backends) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		b.start(ctx.Self())
	case lookAgain:
		b.look(ctx.Self(), m.host)
	case resolved:
		b.resolved(ctx.Self(), m)
	}
}

// start publishes the backends when each name has been looked up once.
func (b *backends) start(self *actor.PID) {
	for _, backend := range b.config.Backends {
		if address, err := netip.ParseAddr(backend.Host); err == nil {
			b.addresses[backend.Host] = []netip.Addr{address}
		} else if !b.waiting[backend.Host] {
			b.waiting[backend.Host] = true
			b.look(self, backend.Host)
		}
	}
	b.publish()
}

// look resolves a name on a goroutine of its own; the result comes back as a message.
func (b *backends) look(self *actor.PID, host string) {
	b.system.Goroutines.Go("lookup "+host, func() {
		ctx, cancel := context.WithTimeout(context.Background(), lookupWithin)
		defer cancel()
		addresses, err := b.lookup(ctx, host)
		b.system.Root.Send(self, resolved{host, addresses, err})
	})
}

// resolved takes the addresses of a name. A failing lookup keeps the last good ones.
func (b *backends) resolved(self *actor.PID, m resolved) {
	delete(b.waiting, m.host)
	again := lookupEvery
	slices.SortFunc(m.addresses, netip.Addr.Compare)
	switch {
	case m.err != nil || len(m.addresses) == 0:
		again = lookupSoon
		b.log.Warn().Str("host", m.host).AnErr("error", m.err).Msg("a backend's name does not resolve")
		b.publish()
	case !b.published || !slices.Equal(b.addresses[m.host], m.addresses):
		b.addresses[m.host] = m.addresses
		b.publish()
	}
	b.system.Goroutines.After("next lookup of "+m.host, again, func() { b.system.Root.Send(self, lookAgain{m.host}) })
}

// publish sends the workers a new snapshot, but none before every name was looked up once.
func (b *backends) publish() {
	if len(b.waiting) > 0 {
		return
	}
	b.published = true
	b.generation++
	s := &messages.Snapshot{Generation: b.generation, Config: b.config}
	for _, backend := range b.config.Backends {
		s.Members = append(s.Members, b.member(backend))
	}
	b.system.Root.Send(b.workers, s)
}

// member is a backend as the workers see it. One without an address gets no requests.
func (b *backends) member(backend messages.Backend) messages.Member {
	m := messages.Member{Backend: backend}
	for _, address := range b.addresses[backend.Host] {
		m.Addresses = append(m.Addresses, netip.AddrPortFrom(address.Unmap(), backend.Port))
	}
	if len(m.Addresses) == 0 {
		m.State = messages.Down
	}
	return m
}
