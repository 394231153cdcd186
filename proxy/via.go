package proxy

import (
	"bytes"

	"lb/proxy/semantics"
)

// maxHops is through how many balancers of this kind a request may have come, by its Via fields (RFC 9110 §7.6.3). More is
// a loop: a balancer that is its own backend, or two that are each other's.
const maxHops = 10

// isLooping reports whether a request has gone in circles. Without a Via field it costs a pass over the kinds.
func isLooping(r *semantics.Request) bool {
	hops := 0
	for i := range r.Fields {
		if r.Fields[i].Kind == semantics.Via {
			hops += hopsOf(r.Fields[i].Value)
		}
	}
	return hops >= maxHops
}

// hopsOf counts the elements "received-protocol received-by" of a Via field that have our pseudonym.
func hopsOf(list []byte) (n int) {
	for {
		var element []byte
		if element, list = semantics.NextElement(list); element == nil {
			return n
		}
		_, by, _ := bytes.Cut(element, []byte(" "))
		if by, _, _ = bytes.Cut(semantics.TrimOWS(by), []byte(" ")); string(by) == pseudonym {
			n++
		}
	}
}
