package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Frames of HTTP/2 in what is shown: their heads are told in words, and blocks of fields are hidden, because secrets in
// them are compressed (RFC 9113 §4.1, RFC 7541). Whoever decodes such blocks may show them by Note.

const (
	frameHeadSize = 9
	preface       = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" // RFC 9113 §3.4
)

// frameNames by type (RFC 9113 §6).
var frameNames = [...]string{
	"DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
	"CONTINUATION",
}

// Types of frames that carry fields.
const (
	frameHeaders      = 1
	framePushPromise  = 5
	frameContinuation = 9
)

func startsHTTP2(b []byte) bool { return bytes.HasPrefix(b, []byte("PRI * HTTP/2.0\r\n")) }

// frameReader follows the frames of one direction, however the stream is cut.
type frameReader struct {
	head   [frameHeadSize]byte
	have   int // bytes of head
	left   int // bytes of the payload
	hidden bool
	begun  bool
}

// read hides blocks of fields in b, unless they may be seen, and returns a line for each frame that begins there.
func (f *frameReader) read(b []byte, secrets bool) (lines []byte) {
	if !f.begun && startsHTTP2(b) {
		b = b[min(len(b), len(preface)):]
		lines = append(lines, "  connection preface\n"...)
	}
	f.begun = true
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			if f.hidden && !secrets {
				hide(b[:n])
			}
			f.left -= n
			b = b[n:]
			continue
		}
		n := copy(f.head[f.have:], b)
		f.have += n
		b = b[n:]
		if f.have == frameHeadSize {
			lines = f.begin(lines)
		}
	}
	return lines
}

func (f *frameReader) begin(lines []byte) []byte {
	word := binary.BigEndian.Uint32(f.head[:4])
	kind := int(word & 0xff)
	f.have, f.left = 0, int(word>>8)
	f.hidden = kind == frameHeaders || kind == framePushPromise || kind == frameContinuation
	name := fmt.Sprintf("type %d", kind)
	if kind < len(frameNames) {
		name = frameNames[kind]
	}
	stream := binary.BigEndian.Uint32(f.head[5:]) &^ (1 << 31)
	return fmt.Appendf(lines, "  frame %s, stream %d, flags 0x%02x, %d bytes\n", name, stream, f.head[4], f.left)
}

func hide(b []byte) {
	for i := range b {
		b[i] = '*'
	}
}
