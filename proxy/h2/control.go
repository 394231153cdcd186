package h2

import "golang.org/x/net/http2"

// settings of the server, as far as they concern us (RFC 9113 §6.5.2).
type settings struct {
	frame   int // the largest that it takes
	window  int64
	streams int
}

// readSettings obeys and confirms.
func (c *Conn) readSettings(f *http2.SettingsFrame) (Event, *Error) {
	c.debt++
	if f.IsAck() {
		return Event{}, nil
	}
	for i := range f.NumSettings() {
		if err := c.obey(f.Setting(i)); err != nil {
			return Event{}, err
		}
	}
	c.settled = true
	_ = c.framer.WriteSettingsAck()
	return Event{Kind: Settled}, nil
}

func (c *Conn) obey(s http2.Setting) *Error {
	switch s.ID {
	case http2.SettingHeaderTableSize:
		c.fields.resize(s.Val)
	case http2.SettingEnablePush:
		if s.Val != 0 { // RFC 9113 §6.5.2
			return protocolError("a server cannot be pushed to")
		}
	case http2.SettingMaxConcurrentStreams:
		c.peer.streams = int(min(int64(s.Val), int64(c.limits.streams())))
	case http2.SettingInitialWindowSize:
		return c.resize(int64(s.Val))
	case http2.SettingMaxFrameSize:
		if s.Val < maxFrame || s.Val > 1<<24-1 {
			return protocolError("frame size out of range")
		}
		c.peer.frame = int(s.Val)
	}
	return nil // MAX_HEADER_LIST_SIZE is advice: a server answers 431 itself
}

// resize changes the windows of all streams (RFC 9113 §6.9.2). They may become negative.
func (c *Conn) resize(size int64) *Error {
	if size > maxWindow {
		return connError(http2.ErrCodeFlowControl, "initial window out of range")
	}
	change := size - c.peer.window
	c.peer.window = size
	for _, s := range c.streams {
		if s.send += change; s.send > maxWindow {
			return connError(http2.ErrCodeFlowControl, "a window overflows")
		}
	}
	return nil
}

// readWindowUpdate opens a window for the request's body (RFC 9113 §6.9). The Framer refuses an increment of 0.
func (c *Conn) readWindowUpdate(f *frame, p *http2.WindowUpdateFrame) (Event, *Error) {
	c.debt++
	if f.stream == 0 {
		if c.send += int64(p.Increment); c.send > maxWindow {
			return Event{}, connError(http2.ErrCodeFlowControl, "the connection's window overflows")
		}
		return Event{Kind: Window}, nil
	}
	s, err := c.find(f)
	if s == nil || err != nil {
		return Event{}, err
	}
	if s.send += int64(p.Increment); s.send > maxWindow {
		return c.broken(s, streamError(s, http2.ErrCodeFlowControl, "the window overflows")), nil
	}
	return Event{Kind: Window, Stream: s}, nil
}

// readReset ends a stream (RFC 9113 §6.4). A server that sent a whole response may do so to stop the request: then the
// stream is over already, or its owner is told so and has no use for the rest.
func (c *Conn) readReset(f *frame, p *http2.RSTStreamFrame) (Event, *Error) {
	c.debt++
	s, err := c.find(f)
	if s == nil || err != nil {
		return Event{}, err
	}
	c.over(s)
	return Event{Kind: Reset, Stream: s, Code: p.ErrCode}, nil
}

// Ping asks the server for a sign of life. Whatever comes is one; the answer itself is told as Nothing.
func (c *Conn) Ping() {
	c.pings++
	_ = c.framer.WritePing(false, [8]byte{})
}

// readPing answers (RFC 9113 §6.7). An answer that was asked for is the only one that costs nothing.
func (c *Conn) readPing(p *http2.PingFrame) (Event, *Error) {
	switch {
	case !p.IsAck():
		c.debt++
		_ = c.framer.WritePing(true, p.Data)
	case c.pings > 0:
		c.pings--
	default:
		c.debt++
	}
	return Event{}, nil
}

// readGoAway notes from where on the server looks at nothing (RFC 9113 §6.8). A second one may name a lower stream,
// which a server does that says first that it will go, and later from where on. A higher one changes nothing: those
// were given up.
func (c *Conn) readGoAway(p *http2.GoAwayFrame) (Event, *Error) {
	c.debt++
	if !c.goingAway || p.LastStreamID < c.lastID {
		c.lastID = p.LastStreamID
	}
	c.goingAway = true
	for id, s := range c.streams {
		if id > c.lastID {
			c.over(s)
		}
	}
	return Event{Kind: GoAway, LastID: c.lastID, Code: p.ErrCode}, nil
}
