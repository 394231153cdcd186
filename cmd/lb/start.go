package main

import "lb/actors"

// startBalancer builds the actors and the event loops, and returns when they serve.
func startBalancer(o actors.Options) (balancer, error) { return actors.Start(o) }
