package main

import (
	"errors"
	"fmt"
	"time"

	"lb/messages"
	"lb/mp"
	"lb/supervisor"
)

// farewellTime bounds the last word to another process.
const farewellTime = time.Second

// predecessor is the process that this one is to replace. Its methods do nothing on nil: there is none.
type predecessor struct {
	*mp.Inheritance
	link  *mp.Link
	state messages.HandedOver
}

// meet opens the link to the process that started this one in order to be replaced, and hears what it knows.
func meet(i *mp.Inheritance, goroutines *supervisor.Goroutines) (*predecessor, error) {
	link, err := i.Link(goroutines.Go)
	if err != nil {
		return nil, err
	}
	p := &predecessor{Inheritance: i, link: link}
	value, _, err := link.Receive()
	if err != nil {
		return nil, fmt.Errorf("the process to be replaced: %w", err)
	}
	state, ok := value.(messages.HandedOver)
	if !ok {
		return nil, errors.New("the process to be replaced does not say what it knows")
	}
	p.state = state
	return p, nil
}

// sockets are those that were inherited for a purpose.
func (p *predecessor) sockets(purpose string) []int {
	if p == nil {
		return nil
	}
	return p.Sockets[purpose]
}

// known are the backends as the predecessor saw them.
func (p *predecessor) known() []messages.BackendRecord {
	if p == nil {
		return nil
	}
	return p.state.Backends
}

// workers is how many there were by order; 0: nobody gave one.
func (p *predecessor) workers() int {
	if p == nil {
		return 0
	}
	return p.state.Workers
}

// upgrades counts those before this process served, and the one that it owes its life to.
func (p *predecessor) upgrades() messages.Upgrades {
	counts := messages.Upgrades{}
	if p == nil {
		return counts
	}
	for result, n := range p.state.Upgrades {
		counts[result] = n
	}
	counts[messages.Upgraded]++
	return counts
}

// reaper is the pipe to the first process of a container; 0: there is none.
func (p *predecessor) reaper() int {
	if p == nil {
		return 0
	}
	return p.Reaper
}

// unfit says why this process gives up.
func (p *predecessor) unfit(why error) {
	if p == nil {
		return
	}
	_ = p.link.Send(messages.Unfit{Why: why.Error()}) // one that has ended does not care
	p.link.Close(farewellTime)
}

// ready says that this process serves: from now on the predecessor goes.
func (p *predecessor) ready() error {
	if p == nil {
		return nil
	}
	if p.Reaper != 0 {
		if err := mp.Announce(p.Reaper); err != nil {
			return err
		}
	}
	if err := p.link.Send(messages.NewReady()); err != nil {
		return fmt.Errorf("the process to be replaced: %w", err)
	}
	return nil
}

// follow takes what the predecessor still hands over, to its end.
func (p *predecessor) follow(take func(what messages.Moved, fds []int)) {
	if p == nil {
		return
	}
	for {
		value, rights, err := p.link.Receive()
		if err != nil {
			p.link.Close(0)
			return
		}
		if what, moved := value.(messages.Moved); moved {
			take(what, rights)
		}
	}
}
