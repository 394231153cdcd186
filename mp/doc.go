// Package mp is about processes: what one has to own before its workers can run, what outlives one that ends, and how
// one takes the place of another.
//
// Listen opens one socket per worker on the same address; the kernel spreads new connections over them (SO_REUSEPORT).
// The process that called Listen keeps all of them open for its whole life and lends each worker a descriptor. A socket
// is never closed to restart a worker, nor to replace a process: closing one resets every connection in its queue,
// while a worker that comes back to a socket left open finds them waiting. The sockets are made by system calls, not by
// package net, whose listeners are MPTCP sockets and belong to Go's own poller.
//
// Run starts a process of lb that inherits such sockets and one end of a Link, by which the two speak in values of
// package messages. An Upgrade starts the one that is to take over, and kills it if it does not come to serve. A Reaper
// is what is left of the first process of a container after that.
package mp
