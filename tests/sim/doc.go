// Package sim is a simulation of a worker in its world: the real exchange, codecs, pools and balancer of package proxy
// on a kernel in memory, with a clock that stands still until something is due. A seed decides everything: who
// connects when, how the network cuts the bytes, what backends answer and which of them lie, and what the control
// plane orders meanwhile.
//
// All of it is in the build tag sim, under which the loop and its sockets can be replaced:
//
//	go test -tags sim ./tests/sim                    many seeds
//	go tool -modfile=tools/go.mod task sim SEED=7    one, with its trace
//
//	world.go, profile.go                 one run of a seed, and what kind of world it makes
//	agenda.go, dice.go                   time and chance
//	kernel.go, calls.go, socket.go, link.go   sockets and epoll as Linux has them, and the network between them
//	message.go, pattern.go               an HTTP/1.1 reader of its own, and bodies that can be told apart
//	script.go, client*.go, request.go    clients: good ones, slow ones, and rude ones
//	host.go, service.go, reply.go        backends: honest ones, and liars
//	session*.go, strand*.go              their connections of HTTP/2, and the streams of these
//	frames.go, tap.go                    a reader of HTTP/2, for hosts and for what lb sends them
//	control.go                           snapshots, health and drain
//	judge.go, watch.go                   what must hold at the end of a request, and at each step
package sim
