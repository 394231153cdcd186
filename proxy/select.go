package proxy

import (
	"bytes"
	"net/netip"
	"strings"

	"lb/messages"
	"lb/proxy/balance"
	"lb/proxy/semantics"
)

// selection is what an exchange goes by when it selects a backend.
type selection struct {
	key       uint64   // of the hash strategy
	home      *backend // that the client's cookie names; nil: none that is known
	attempted int64    // loop time of the beginning of the last attempt
}

// chooser is what a worker knows beyond the balancer to select by.
type chooser struct {
	keyName string              // of the field whose value is the key, in lower case
	homes   map[uint64]*backend // by token; empty without sticky cookies
}

// enlist brings a backend's member up to date.
func (w *Worker) enlist(b *backend, m *messages.Member) {
	b.member.Owner = b
	b.member.ID = balance.Sum([]byte(b.id))
	b.member.Weight, b.member.Share = m.Backend.Weight, m.Share
	b.member.Max = perWorker(m.Backend.Max, w.options.Workers)
	if name := w.config.Sticky; name != b.badge.name {
		b.badge = newBadge(name, b.member.ID)
	}
}

// choose has the balancer pick from those of the backends that may be used now. Waiting requests look for a place
// again.
func (w *Worker) choose(usable []*balance.Member) {
	w.balancer.Set(w.config.Strategy, usable)
	w.chooser = chooser{keyName: strings.ToLower(w.config.HashKey.Name)}
	if w.config.Sticky != "" {
		w.chooser.homes = make(map[uint64]*backend, len(w.backends))
		for _, b := range w.backends {
			w.chooser.homes[b.member.ID] = b
		}
	}
	w.queue.freed()
}

// perWorker is one worker's part of a limit of the process, rounded up: together they may exceed it by less than one
// each. 0, no limit, stays 0.
func perWorker(limit, workers int) int {
	workers = max(workers, 1)
	return (limit + workers - 1) / workers
}

// recognise finds what the request itself says of where it is to go. Hot path.
func (x *exchange) recognise(r *semantics.Request) {
	w := x.worker
	if w.config.Strategy == messages.Hash {
		x.key = w.key(x.client.Peer.Addr(), r)
	}
	if w.config.Sticky != "" {
		x.home = w.home(r)
	}
}

// pick names the backend for the next attempt; nil when there is none. Hot path.
func (x *exchange) pick() *balance.Member {
	w := x.worker
	if x.attempts == 0 && x.home != nil && w.balancer.Usable(&x.home.member) && !x.home.member.Full() {
		return &x.home.member
	}
	q := balance.Request{Tried: x.tried[:x.attempts], Key: x.key, Now: w.loop.Now()}
	m := w.balancer.Pick(q)
	if m == nil && x.again && !w.balancer.Busy(q.Tried) {
		q.Tried = nil // all were tried: rather the same one again than none
		m = w.balancer.Pick(q)
	}
	return m
}

// occupy counts an attempt that begins.
func (x *exchange) occupy(m *balance.Member) {
	x.worker.balancer.Begin(m)
	x.attempted = x.worker.loop.Now()
}

// vacate counts an attempt that is over. Who waits for a place may have it.
func (x *exchange) vacate() {
	w := x.worker
	w.balancer.End(&x.backend.member)
	w.queue.freed()
}

// observe notes how long a backend took to begin its answer.
func (x *exchange) observe() {
	if now := x.worker.loop.Now(); x.worker.config.Strategy == messages.P2C {
		x.backend.member.Observe(now-x.attempted, now)
	}
}

// key is what the hash strategy goes by. A request without the field or cookie goes by its client's address: an empty
// value would send all of them to one backend.
func (w *Worker) key(client netip.Addr, r *semantics.Request) uint64 {
	var value []byte
	switch w.config.HashKey.Kind {
	case messages.KeyHeader:
		value = valueOf(r, w.chooser.keyName)
	case messages.KeyCookie:
		value = cookie(r, w.config.HashKey.Name)
	case messages.KeyClient:
	}
	if len(value) == 0 {
		address := client.As16()
		return balance.Sum(address[:])
	}
	return balance.Sum(value)
}

// valueOf the first field of the name, which is in lower case.
func valueOf(r *semantics.Request, name string) []byte {
	for i := range r.Fields {
		if semantics.EqualFold(r.Fields[i].Name, name) {
			return r.Fields[i].Value
		}
	}
	return nil
}

// cookie is the value of the first cookie of the name, nil when there is none (RFC 6265 §4.2.1: pairs divided by "; ").
func cookie(r *semantics.Request, name string) []byte {
	for i := range r.Fields {
		if !semantics.EqualFold(r.Fields[i].Name, "cookie") {
			continue
		}
		for rest := r.Fields[i].Value; len(rest) > 0; {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, semicolon)
			key, value, found := bytes.Cut(pair, equals)
			if found && string(bytes.TrimLeft(key, " \t")) == name {
				return bytes.TrimRight(value, " \t")
			}
		}
	}
	return nil
}

var (
	semicolon = []byte(";")
	equals    = []byte("=")
)
