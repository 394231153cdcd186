//go:build !lbfault && !sim

package proxy

import "lb/proxy/semantics"

func sabotage(*semantics.Request) {}
