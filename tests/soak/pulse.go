//go:build linux

package main

import (
	"context"
	"time"
)

// Clients and backends are in this process. While the machine has no time for it, all look slow, and lb is right to say
// so.
const (
	starved      = "starved"
	pulseEvery   = 50 * time.Millisecond
	pulseLate    = 250 * time.Millisecond // by so much: starved
	starvedShare = 20                     // a run that is starved for more than 1/20 of its time says nothing
)

// feelPulse notes when a timer of ours fires late.
func (s *stand) feelPulse(ctx context.Context) {
	for last := time.Now(); pause(ctx, pulseEvery); {
		now := time.Now()
		if late := now.Sub(last) - pulseEvery; late > pulseLate {
			s.tally.add(&trouble{name: starved, explain: ofStarvation, began: last, ended: now})
			s.starved += late
		}
		last = now
	}
}
