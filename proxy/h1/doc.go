// Package h1 is the HTTP/1.x codec of RFC 9112: bytes in, values out. It is pure: no socket, no clock, no goroutine, no
// log, and no allocation once the storage for fields has grown, but for trailer sections and hosts that are IPv6
// addresses.
//
// ParseRequest and ParseResponse read a head from the start of a buffer, Body finds the data in what follows it, and
// the Append functions write canonical messages.
//
// The same bytes get the same verdict however they are cut. Bytes are judged in order of position, each defect at the
// first byte that shows it; what only the whole head can tell (Host, body length, expectations) is judged after its
// empty line. So a prefix is refused only if every message that starts with it is.
//
// Where RFC 9112 leaves a recipient the choice between tolerance and refusal, this package refuses: a lenient reading
// that another recipient on the path does not share is how requests are smuggled (RFC 9112 §11.2).
package h1
