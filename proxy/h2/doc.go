// Package h2 is the client's side of HTTP/2 (RFC 9113) as a state machine: bytes in, values out. It has no socket, no
// clock, no goroutine and no log.
//
// A Conn is one connection. Its owner feeds Next what came from the server, one frame at a time, and gets Events; it
// opens streams, writes bodies and gives windows back; and it sends what stands in Out, which only ever holds whole
// frames. The bytes of heads are good until the owner calls Release.
//
//	conn.go      a connection        stream.go    one request and its response
//	read.go      frames in           write.go     requests out
//	head.go      field sections      fields.go    HPACK and the mapping of requests
//	table.go     what of them the server knows
//	flow.go      windows             control.go   SETTINGS, PING, GOAWAY, RST_STREAM, WINDOW_UPDATE
//
// Frames are read and written by the Framer of golang.org/x/net/http2, once a whole one is there, and field sections
// by its hpack. DATA alone is taken apart here: the Framer would copy each byte of a body.
package h2
