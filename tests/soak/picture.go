//go:build linux

package main

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
)

// picture is what a configuration file says.
type picture struct {
	Backends []entry `json:"backends"`
	Strategy string  `json:"strategy"`
}

type entry struct {
	Host   string `json:"host"`
	Port   int    `json:"port"`
	TLS    bool   `json:"tls,omitempty"`
	Weight int    `json:"weight"`
}

var strategies = []string{"round_robin", "weighted", "random", "least_conn", "p2c", "hash"}

func pictureOf(origins []*origin) picture {
	p := picture{Strategy: strategies[0]}
	for _, o := range origins {
		p.Backends = append(p.Backends, entryOf(o))
	}
	return p
}

func entryOf(o *origin) entry { return entry{o.host, o.port, o.tls, 1} }

func (p picture) text() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(text)
}

// changed is another picture: another order, other weights, another strategy, or with the guest or without.
func (p picture) changed(r *rand.Rand, guest entry) (next picture, what string) {
	next = picture{slices.Clone(p.Backends), p.Strategy}
	switch r.IntN(4) {
	case 0:
		what = "another order"
		r.Shuffle(len(next.Backends), func(i, j int) {
			next.Backends[i], next.Backends[j] = next.Backends[j], next.Backends[i]
		})
	case 1:
		what = "another weight"
		next.Backends[r.IntN(len(next.Backends))].Weight = 1 + r.IntN(5)
	case 2:
		next.Strategy = strategies[r.IntN(len(strategies))]
		what = "strategy " + next.Strategy
	default:
		isGuest := func(e entry) bool { return e.Port == guest.Port }
		if slices.ContainsFunc(next.Backends, isGuest) {
			next.Backends = slices.DeleteFunc(next.Backends, isGuest)
			return next, "without the guest"
		}
		next.Backends = slices.Insert(next.Backends, r.IntN(len(next.Backends)+1), guest)
		what = "with the guest"
	}
	if next.text() == p.text() {
		return p.changed(r, guest)
	}
	return next, what
}
