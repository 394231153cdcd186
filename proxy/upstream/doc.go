// Package upstream is the backend side of a worker: connections to backends, the pool that keeps idle ones, and one
// attempt to have a request answered.
//
// An exchange acquires a connection, writes its request, and is told what comes back. When the response is complete the
// connection returns to its pool by itself; when anything fails the connection is closed and the exchange hears of a
// Failure, which says enough to decide whether another attempt is allowed. The pool of each backend hands out the
// connection used last first, so that a pool shrinks by itself, and drops an idle connection in the moment its backend
// ends it.
//
// Everything here belongs to one loop and is touched by that loop's thread only.
package upstream
