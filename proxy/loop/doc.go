// Package loop is a readiness event loop: one locked OS thread that waits for descriptors to become readable or
// writable, runs their handlers, its timers, and functions that other goroutines schedule on it. It knows nothing of
// HTTP.
//
// A round is: wait, read the clock once, then the handlers of the descriptors that became ready, the handlers that
// asked for another turn, scheduled functions, and timers. In steady state a round allocates nothing, and a panic in
// any of the four parts costs only the turn that caused it.
//
// Everything that belongs to a loop is touched by its own thread only, so it needs neither locks nor atomics. The one
// door from outside is Schedule. With Schedule and Throughput a Loop also is a dispatcher in the sense of
// protoactor-go: an actor spawned with it runs on the thread that owns the sockets.
package loop
