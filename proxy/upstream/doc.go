// Package upstream is the backend side of a worker: connections to backends, the pool that keeps idle ones, and one
// attempt to have a request answered.
//
// An exchange acquires an Attempt, writes its request, and is told what comes back. Over HTTP/1.1 an attempt is a
// connection (Conn); when the response is complete it returns to its pool by itself, and when anything fails it is
// closed. Over HTTP/2 an attempt is a Stream of a session, which many exchanges share; a stream that fails leaves the
// others alone. Which of them it is to be is known for a backend with TLS after the first handshake (dialect.go).
// Either way the exchange hears of a Failure, which says enough to decide whether another attempt is allowed.
//
// The pool of each backend hands out the connection used last first, so that a pool shrinks by itself, and drops an
// idle connection in the moment its backend ends it. A new session is begun only when the others are full.
//
// Everything here belongs to one loop and is touched by that loop's thread only.
package upstream
