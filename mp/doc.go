// Package mp makes what a process has to own before its workers can run and has to keep after one of them dies: the
// listening sockets.
//
// Listen opens one socket per worker on the same address; the kernel spreads new connections over them (SO_REUSEPORT).
// The process that called Listen keeps all of them open for its whole life and lends each worker a descriptor. A socket
// is never closed to restart a worker: closing one resets every connection in its queue, while a worker that comes back
// to a socket left open finds them waiting.
//
// The sockets are made by system calls, not by package net, whose listeners are MPTCP sockets and belong to Go's own
// poller.
package mp
