package main

import (
	"cmp"
	"fmt"
	"sync"

	"lb/mp"
)

// What inherited sockets are for.
const (
	forTraffic   = "traffic"
	forActivated = "activated" // traffic, too; the service manager owns them
	forPages     = "admin"
	forControl   = "control"
)

// traffic are the listening sockets for clients.
type traffic struct {
	*mp.Listeners
	resizing  *sync.Mutex // held while their number changes, and while they are handed over
	activated bool        // they outlive this program: its next start finds what waits in them
}

// openTraffic takes the sockets over that the process before this one or a service manager has passed on, or opens new
// ones.
func (p *program) openTraffic(s settings, log *logbook) (traffic, error) {
	if fds := p.predecessor.sockets(forActivated); fds != nil {
		return activated(fds)
	}
	if fds := p.predecessor.sockets(forTraffic); fds != nil {
		sockets, err := mp.Adopt(fds)
		if err != nil {
			return traffic{}, err
		}
		if sockets.At(s.Listen.Host, s.Listen.Port) {
			return trafficOn(sockets), sockets.Grow(cmp.Or(p.predecessor.workers(), s.workers()))
		}
		log.Warn().Str("logger", "lb").Str("from", sockets.Addr().String()).Msg("the address to listen on has changed")
		closeSockets(sockets, log)
	}
	fds, err := mp.Activated()
	if err != nil {
		return traffic{}, err
	}
	if fds != nil {
		return activated(fds)
	}
	sockets, err := s.listen().open()
	return trafficOn(sockets), err
}

func trafficOn(sockets *mp.Listeners) traffic {
	return traffic{Listeners: sockets, resizing: &sync.Mutex{}}
}

func activated(fds []int) (traffic, error) {
	sockets, err := mp.Adopt(fds)
	if err != nil {
		return traffic{}, fmt.Errorf("sockets of the service manager: %w", err)
	}
	t := trafficOn(sockets)
	t.activated = true
	return t, nil
}

// purpose is how a successor finds the sockets.
func (t traffic) purpose() string {
	if t.activated {
		return forActivated
	}
	return forTraffic
}

// deafen has them take no new connection, unless they outlive this program.
func (t traffic) deafen() error {
	if t.activated {
		return nil
	}
	return t.Deafen()
}
