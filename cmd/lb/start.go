package main

import (
	"github.com/rs/zerolog"

	"lb/actors"
	"lb/messages"
	"lb/mp"
)

// startBalancer builds the actors and the event loops, and returns when they serve.
func startBalancer(config messages.Config, sockets *mp.Listeners, log zerolog.Logger) (balancer, error) {
	return actors.Start(actors.Options{Config: config, Sockets: sockets.FDs(), Log: log})
}
