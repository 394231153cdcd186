package actors

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

const (
	// lookupWithin bounds one lookup of a name.
	lookupWithin = 5 * time.Second
	// lookupSoon is how soon a lookup that failed is repeated.
	lookupSoon = 2 * time.Second
)

// errLookupEnded: the code of a lookup failed.
var errLookupEnded = errors.New("the lookup ended without a result")

type (
	// resolved is what a lookup brought.
	resolved struct {
		addresses []netip.Addr
		holds     time.Duration
		err       error
	}
	// lookAgain orders the next lookup.
	lookAgain struct{}
)

// startLooking finds the addresses for the first time. An address is its own.
func (b *backend) startLooking(ctx actor.Context) {
	if a, err := netip.ParseAddr(b.duty.backend.Host); err == nil {
		b.known.addresses, b.known.settled = []netip.Addr{a}, true
		return
	}
	b.look(ctx)
}

// look resolves the name on a goroutine of its own; the result comes back as a message, in any case.
func (b *backend) look(ctx actor.Context) {
	if b.looking {
		return
	}
	b.looking = true
	self, host := ctx.Self(), b.duty.backend.Host
	b.system.Goroutines.Go("lookup "+host, func() {
		result := resolved{err: errLookupEnded}
		defer func() { b.system.Root.Send(self, result) }()
		limit, cancel := context.WithTimeout(context.Background(), lookupWithin)
		defer cancel()
		result.addresses, result.holds, result.err = b.resolver.Addresses(limit, host)
	})
}

// resolved takes the addresses of the name, and looks again when they expire. A failing lookup keeps the last good ones.
func (b *backend) resolved(ctx actor.Context, m resolved) {
	b.looking = false
	again := m.holds
	if m.err != nil || len(m.addresses) == 0 {
		again = lookupSoon
		b.unresolved(m.err)
	} else {
		b.found(m.addresses)
	}
	b.aim(ctx)
	b.report(ctx)
	self := ctx.Self()
	b.lookup = b.system.Goroutines.After("next lookup", again, func() { b.system.Root.Send(self, lookAgain{}) })
}

func (b *backend) found(addresses []netip.Addr) {
	b.known.settled, b.lost = true, false
	was := b.known.addresses
	b.known.addresses = addresses
	b.turn(time.Now(), "its name resolves")
	if len(was) > 0 && !slices.Equal(was, addresses) {
		b.log.Info().Str("backend", b.id).Str("addresses", fmt.Sprint(addresses)).Msg("a backend's name moved")
	}
}

// unresolved is logged once: as a change of state when there is nothing to go on with, else by itself.
func (b *backend) unresolved(err error) {
	b.known.settled = true
	b.turn(time.Now(), "dns_error: "+textOf(err))
	if !b.lost && len(b.known.addresses) > 0 {
		b.log.Warn().Str("backend", b.id).Str("reason", textOf(err)).
			Msg("a backend's name does not resolve: its last addresses stay")
	}
	b.lost = true
}

func textOf(err error) string {
	if err == nil {
		return "no address"
	}
	return err.Error()
}
