//go:build lbfault || sim

package proxy

import "lb/proxy/semantics"

// sabotage panics if a request asks for it. Only builds for tests have it.
func sabotage(r *semantics.Request) {
	for i := range r.Fields {
		if !semantics.EqualFold(r.Fields[i].Name, "x-lb-fault") {
			continue
		}
		switch string(r.Fields[i].Value) {
		case "connection":
			panic("a connection was to fail")
		case "worker":
			panic(Fatal("a worker was to fail"))
		}
	}
}
