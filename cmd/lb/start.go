package main

import (
	"errors"

	"github.com/rs/zerolog"

	"lb/messages"
	"lb/mp"
)

// startBalancer builds the actors and the event loops, and returns when they serve.
func startBalancer(messages.Config, *mp.Listeners, zerolog.Logger) (balancer, error) {
	return nil, errors.New("this build has no data plane")
}
