// Package semantics holds what RFC 9110 says about HTTP messages whatever their wire version: heads, ordered fields,
// methods, status codes and the rules of intermediaries. It is pure: no socket, no clock, no goroutine, no log.
//
// Heads are made of slices into the buffer that they were read from. They are valid only as long as that buffer is left
// alone; who needs a part of one for longer copies it.
package semantics
