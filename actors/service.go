package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/supervisor"
)

// service is the actor that looks a service name up, whenever what it listed expires, and tells its parent.
type service struct {
	// Immutable.
	system   *supervisor.System
	resolver Resolver
	log      zerolog.Logger
	name     string

	next *time.Timer
	lost bool // the last lookup failed
}

// listed is what a service name lists.
type listed struct {
	name     string
	services []Service
	holds    time.Duration
	err      error
}

// Receive implements actor.Actor.
func (s *service) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started, lookAgain:
		s.look(ctx.Self())
	case *actor.Stopping, *actor.Restarting:
		stopTimers(s.next)
	case listed:
		s.listed(ctx, m)
	}
}

func (s *service) look(self *actor.PID) {
	s.system.Goroutines.Go("lookup "+s.name, func() {
		result := listed{name: s.name, err: errLookupEnded}
		defer func() { s.system.Root.Send(self, result) }()
		limit, cancel := context.WithTimeout(context.Background(), lookupWithin)
		defer cancel()
		result.services, result.holds, result.err = s.resolver.Services(limit, s.name)
	})
}

// listed passes the list on, and looks again when it expires.
func (s *service) listed(ctx actor.Context, m listed) {
	again := m.holds
	if m.err != nil {
		again = lookupSoon
		if !s.lost {
			s.log.Warn().Str("backend", "srv://"+s.name).Str("reason", m.err.Error()).
				Msg("a service name does not resolve: its last list stays")
		}
	}
	s.lost = m.err != nil
	ctx.Send(ctx.Parent(), m)
	self := ctx.Self()
	stopTimers(s.next)
	s.next = s.system.Goroutines.After("next lookup", again, func() { s.system.Root.Send(self, lookAgain{}) })
}
