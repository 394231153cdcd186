// Package proxy is the data plane: a Worker owns one event loop with its listener, its client connections and its pool of
// backend connections, and forwards requests between them.
//
//	worker.go     a worker: what it is made of, what it is told
//	exchange.go   one request and its response: select, attempt, relay, outcome
//	request.go    what comes from the client          response.go  what comes from the backend
//	forward.go    what a proxy changes in a message   answer.go    our own responses
//	retry.go      when another attempt is allowed     tunnel.go    after an upgrade
//	local.go      what lb answers without a backend   stats.go     counters and the access log
//
// A request costs no message to anybody, no lock and, in steady state, no allocation. Everything here is touched by the
// loop's thread only.
package proxy
