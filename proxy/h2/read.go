package h2

import "golang.org/x/net/http2"

// headSize of a frame (RFC 9113 §4.1).
const headSize = 9

// frame is the fixed part of a frame, and its payload once that is whole.
type frame struct {
	kind    http2.FrameType
	flags   http2.Flags
	stream  uint32
	length  int
	bytes   []byte // all of it
	payload []byte
}

// Next reads one frame from the start of b and returns how many bytes it took: 0 when b has only the beginning of
// one. An error ends the connection: its owner sends what is in Out, which tells the server why, and closes it. Hot
// path.
func (c *Conn) Next(b []byte) (e Event, n int, err *Error) {
	f, err := c.frame(b)
	if err == nil && f.bytes == nil {
		return Event{}, 0, nil
	}
	if err == nil {
		e, err = c.read(&f)
	}
	if err == nil && c.debt > tolerance {
		err = flood("frames that bring nothing on")
	}
	if err != nil {
		c.Close(err.Code)
		return Event{}, 0, err
	}
	return e, len(f.bytes), nil
}

// frame reads the fixed part, and judges it before the payload is there.
func (c *Conn) frame(b []byte) (f frame, err *Error) {
	if len(b) < headSize {
		return f, nil
	}
	f.length = int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	f.kind, f.flags = http2.FrameType(b[3]), http2.Flags(b[4])
	f.stream = (uint32(b[5])<<24 | uint32(b[6])<<16 | uint32(b[7])<<8 | uint32(b[8])) & maxStreamID
	if err = c.admit(&f); err == nil && len(b) >= headSize+f.length {
		f.bytes = b[:headSize+f.length]
		f.payload = f.bytes[headSize:]
	}
	return f, err
}

// admit judges whether such a frame may come now.
func (c *Conn) admit(f *frame) *Error {
	switch {
	case !c.settled && (f.kind != http2.FrameSettings || f.flags.Has(http2.FlagSettingsAck)): // RFC 9113 §3.4
		return protocolError("the server does not begin with http/2 settings")
	case f.length > maxFrame: // RFC 9113 §4.2
		return connError(http2.ErrCodeFrameSize, "frame too large")
	case c.block.open() && (f.kind != http2.FrameContinuation || f.stream != c.block.id): // RFC 9113 §4.3
		return protocolError("another frame inside a field section")
	case !c.block.open() && f.kind == http2.FrameContinuation: // RFC 9113 §6.10
		return protocolError("continuation of nothing")
	}
	return nil
}

func (c *Conn) read(f *frame) (Event, *Error) {
	if f.kind == http2.FrameData {
		return c.readData(f)
	}
	c.input.Reset(f.bytes)
	parsed, err := c.framer.ReadFrame()
	if err != nil {
		return c.malformed(f, err)
	}
	switch p := parsed.(type) {
	case *http2.HeadersFrame:
		return c.readHeaders(f, p)
	case *http2.ContinuationFrame:
		return c.readFragment(p.HeaderBlockFragment(), p.HeadersEnded())
	case *http2.SettingsFrame:
		return c.readSettings(p)
	case *http2.WindowUpdateFrame:
		return c.readWindowUpdate(f, p)
	case *http2.RSTStreamFrame:
		return c.readReset(f, p)
	case *http2.PingFrame:
		return c.readPing(p)
	case *http2.GoAwayFrame:
		return c.readGoAway(p)
	case *http2.PushPromiseFrame: // RFC 9113 §8.4: we forbade it
		return Event{}, protocolError("push that was forbidden")
	}
	c.debt++ // PRIORITY, which nobody needs (RFC 9113 §5.3.2), and what is unknown (RFC 9113 §4.1)
	return Event{}, nil
}

// malformed takes what the Framer finds wrong with the payload of a frame. A field section that is not decoded costs
// the connection, whatever the Framer says: the tables would be out of step.
func (c *Conn) malformed(f *frame, err error) (Event, *Error) {
	switch e := err.(type) {
	case http2.StreamError:
		if f.kind == http2.FrameHeaders {
			return Event{}, connError(e.Code, "malformed HEADERS frame")
		}
		s, err := c.find(f)
		if s == nil || err != nil {
			c.debt++
			return Event{}, err
		}
		return c.broken(s, streamError(s, e.Code, "malformed "+f.kind.String()+" frame")), nil
	case http2.ConnectionError:
		return Event{}, connError(Code(e), "malformed "+f.kind.String()+" frame")
	}
	return Event{}, protocolError("malformed " + f.kind.String() + " frame")
}

// find returns the stream of a frame, nil when it is over. One that was never opened is a fault of the connection
// (RFC 9113 §5.1: idle).
func (c *Conn) find(f *frame) (*Stream, *Error) {
	if f.stream == 0 || f.stream&1 == 0 || f.stream >= c.nextID {
		return nil, protocolError(f.kind.String() + " frame on a stream that nobody opened")
	}
	return c.streams[f.stream], nil
}

// broken ends a stream for a fault of the server's and tells it so.
func (c *Conn) broken(s *Stream, err *Error) Event {
	c.Reset(s, err.Code)
	return Event{Kind: Broken, Stream: s, Err: err}
}

func (c *Conn) fault(s *Stream, detail string) Event {
	return c.broken(s, streamError(s, http2.ErrCodeProtocol, detail))
}

// progress pays for frames that brought nothing on.
func (c *Conn) progress() { c.debt = max(c.debt-paid, 0) }

// readData takes a DATA frame apart (RFC 9113 §6.1). Hot path.
func (c *Conn) readData(f *frame) (Event, *Error) {
	s, err := c.find(f)
	if err != nil {
		return Event{}, err
	}
	if !c.recv.receive(int64(f.length)) { // RFC 9113 §6.9.1
		return Event{}, connError(http2.ErrCodeFlowControl, "more data than the connection's window allows")
	}
	if increment := c.recv.take(int64(f.length)); increment > 0 {
		c.updateWindow(0, increment)
	}
	data := f.payload
	if f.flags.Has(http2.FlagDataPadded) {
		if len(data) == 0 || int(data[0]) >= len(data) {
			return Event{}, protocolError("more padding than frame")
		}
		data = data[1 : len(data)-int(data[0])]
	}
	if s == nil { // it was on its way when we gave the stream up
		c.debt++
		return Event{}, nil
	}
	return c.judgeData(s, f, data), nil
}

// judgeData holds a piece of the body against what the head said. Hot path.
func (c *Conn) judgeData(s *Stream, f *frame, data []byte) Event {
	last := f.flags.Has(http2.FlagDataEndStream)
	switch {
	case s.received:
		return c.broken(s, streamError(s, http2.ErrCodeStreamClosed, "data after the end"))
	case !s.recv.receive(int64(f.length)):
		return c.broken(s, streamError(s, http2.ErrCodeFlowControl, "more data than the window allows"))
	case !s.answered:
		return c.fault(s, "data before the head")
	case s.bodyless && len(data) > 0:
		return c.fault(s, "content where none can be")
	case s.inLeft >= 0 && int64(len(data)) > s.inLeft, last && s.inLeft > int64(len(data)): // RFC 9113 §8.1.1
		return c.fault(s, "content-length differs from the data")
	}
	if s.inLeft > 0 {
		s.inLeft -= int64(len(data))
	}
	c.giveBack(s, f.length-len(data))
	if len(data) > 0 || last {
		c.progress()
	} else {
		c.debt++
	}
	if last {
		s.received = true
		c.settle(s)
	}
	return Event{Kind: Data, Stream: s, Data: data, Last: last}
}
