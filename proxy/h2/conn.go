package h2

import (
	"bytes"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Conn is the client's end of a connection.
type Conn struct {
	// Out is what is to be sent: whole frames, appended by every method. Its owner sends it and cuts it to nothing.
	Out []byte

	// Immutable.
	limits Limits
	secure bool // :scheme is https

	streams map[uint32]*Stream // those that are not over
	nextID  uint32
	send    int64  // the server's window for all streams together
	recv    window // ours
	peer    settings
	debt    int // frames that brought nothing on
	pings   int // of ours that are not answered

	settled   bool // the server's settings came
	goingAway bool
	lastID    uint32 // of the streams that a server which goes away looks at

	input   bytes.Reader
	framer  *http2.Framer
	fields  encoder
	decoder *hpack.Decoder
	block   block
}

// New begins a connection: Out has the preface and our settings (RFC 9113 §3.4).
func New(secure bool, limits Limits) *Conn {
	c := &Conn{limits: limits, secure: secure, streams: make(map[uint32]*Stream), nextID: 1, send: initialWindow}
	c.peer = settings{frame: maxFrame, window: initialWindow, streams: limits.streams()}
	c.framer = http2.NewFramer((*output)(c), &c.input)
	c.framer.SetMaxReadFrameSize(maxFrame)
	c.fields.open()
	c.decoder = hpack.NewDecoder(tableSize, c.take)
	c.recv.open(connWindow)
	c.Out = append(c.Out, http2.ClientPreface...)
	_ = c.framer.WriteSettings(
		http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: firstWindow},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: uint32(limits.headBytes())},
	)
	c.updateWindow(0, connWindow-initialWindow)
	return c
}

// output is where the Framer writes to.
type output Conn

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.Out = append(o.Out, b...)
	return len(b), nil
}

// Room is how many more streams may be opened now.
func (c *Conn) Room() int {
	if c.goingAway || c.nextID > maxStreamID {
		return 0
	}
	return max(c.peer.streams-len(c.streams), 0)
}

// Streams is how many there may be at a time, as far as the server and our limits say.
func (c *Conn) Streams() int { return c.peer.streams }

// Closing reports whether no stream can be opened any more.
func (c *Conn) Closing() bool { return c.goingAway || c.nextID > maxStreamID }

// Active is how many streams are not over.
func (c *Conn) Active() int { return len(c.streams) }

// Close tells the server that we are about to close the connection. Nothing more may be written.
func (c *Conn) Close(code Code) { _ = c.framer.WriteGoAway(0, code, nil) }

// over ends a stream: both sides are ended, or one has reset it.
func (c *Conn) over(s *Stream) {
	delete(c.streams, s.id)
	s.sent, s.received = true, true
}

// settle ends a stream if both sides are ended.
func (c *Conn) settle(s *Stream) {
	if s.sent && s.received {
		delete(c.streams, s.id)
	}
}
