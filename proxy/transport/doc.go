// Package transport is byte streams on an event loop: TCP connections that never block, their output queues and
// deadlines, and the sockets that they come from. It knows nothing of HTTP.
//
// Everything here belongs to one loop and is touched by that loop's thread only. The bytes of a read lie in the loop's
// scratch buffer and are good until the next read; what a turn wants to send is gathered and leaves in one system call.
package transport
