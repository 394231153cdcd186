// Package health decides whether a backend is up. It is a state machine without a clock, a socket or a goroutine: time
// and evidence are arguments, and a change of state is a returned value that carries its reason.
//
// Evidence is the end of an attempt of an exchange, or of a probe; both count alike. Fall failures in a row make a
// backend Down, Rise successes in a row make it Up again. A backend that has never shown life has no credit: its first
// failing probe makes it Down. What began before the present state does not count: requests that hang when a backend
// fails end long after it, and must not take down the one that has come back.
//
// A drain is an order and no evidence: it covers the state, under which the evidence counts on.
package health
