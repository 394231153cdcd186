package h2

import "lb/proxy/semantics"

// Stream is one request and its response. The zero value with an Owner is ready for Conn.Request; it may be used
// again when it is over.
type Stream struct {
	// Owner is the owner's: an Event is told to whoever this names.
	Owner any

	id   uint32 // 0: not open
	send int64  // window for the request's body; negative after the server made it smaller
	recv window // for the response's body

	response semantics.Response

	outLeft int64 // bytes of the request's body to come; semantics.Chunked: not known
	inLeft  int64 // bytes of the response's body to come; semantics.Chunked: not known

	sent     bool // our side is ended
	received bool // the server's side is ended
	answered bool // the final head came
	head     bool // the request is HEAD
	bodyless bool // the response has no content whatever its fields say
}

// ID of the stream, 0 before it is open. Later streams have higher ones.
func (s *Stream) ID() uint32 { return s.id }

// Sent reports whether the request is written to its end.
func (s *Stream) Sent() bool { return s.sent }

// Received reports whether the response came to its end.
func (s *Stream) Received() bool { return s.received }

// open begins a stream.
func (s *Stream) open(id uint32, window int64, length int64, head bool) {
	*s = Stream{Owner: s.Owner, id: id, send: window, outLeft: length, inLeft: semantics.Chunked, head: head}
	s.recv.open(firstWindow)
}
