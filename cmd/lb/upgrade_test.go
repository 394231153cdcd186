package main

import (
	"testing"
	"time"

	"lb/messages"
	"lb/mp"
)

// Connections go to a process that knows how to take them, and to no other.
func TestWhoTakesOverGetsWhatItKnows(t *testing.T) {
	for _, c := range []struct {
		name  string
		move  bool
		ready messages.Ready
		want  bool
	}{
		{"this version", true, messages.NewReady(), true},
		{"an older one", true, messages.Ready{}, false},
		{"not to move", false, messages.NewReady(), false},
	} {
		b := newStandIn()
		sv := &service{balancer: b, settings: settings{upgradeMove: c.move}}
		if err := sv.parting(&mp.Child{Ready: c.ready})(time.Second); err != nil {
			t.Error(err)
		}
		if within := <-b.within; b.handedOver != c.want || within != time.Second {
			t.Errorf("%s: handed over %v within %v, want %v", c.name, b.handedOver, within, c.want)
		}
	}
}
