//go:build sim

package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frame of HTTP/2 (RFC 9113 §4.1).
type frame struct {
	kind    http2.FrameType
	flags   http2.Flags
	stream  uint32
	payload []byte
}

const (
	frameHead  = 9
	frameLimit = 16 << 10 // RFC 9113 §4.2: what everybody takes
	noLimit    = 1<<31 - 1
)

// bytes are the frame as it is sent.
func (f frame) bytes() []byte {
	b := make([]byte, frameHead, frameHead+len(f.payload))
	binary.BigEndian.PutUint32(b, uint32(len(f.payload))<<8|uint32(f.kind))
	b[4] = byte(f.flags)
	binary.BigEndian.PutUint32(b[5:], f.stream)
	return append(b, f.payload...)
}

// numbers is a frame whose payload is one number, or several.
func numbers(kind http2.FrameType, stream uint32, list ...uint32) frame {
	f := frame{kind: kind, stream: stream}
	for _, n := range list {
		f.payload = binary.BigEndian.AppendUint32(f.payload, n)
	}
	return f
}

// settingsFrame tells settings.
func settingsFrame(list ...http2.Setting) frame {
	f := frame{kind: http2.FrameSettings}
	for _, s := range list {
		f.payload = binary.BigEndian.AppendUint16(f.payload, uint16(s.ID))
		f.payload = binary.BigEndian.AppendUint32(f.payload, s.Val)
	}
	return f
}

// settings of a SETTINGS frame.
func (f *frame) settings() (list []http2.Setting) {
	for b := f.payload; len(b) >= 6; b = b[6:] {
		list = append(list, http2.Setting{
			ID: http2.SettingID(binary.BigEndian.Uint16(b)), Val: binary.BigEndian.Uint32(b[2:]),
		})
	}
	return list
}

func (f *frame) number() uint32 { return binary.BigEndian.Uint32(f.payload) }

// frameAudience of a frameReader is told what it reads.
type frameAudience interface {
	// sectionRead tells a whole field section, which may be the end of the stream.
	sectionRead(id uint32, fields [][2]string, last bool)
	// octetsRead tells a piece of a body, and what it takes of the windows.
	octetsRead(id uint32, b []byte, flow int, last bool)
	// controlRead tells any other frame.
	controlRead(f *frame)
}

// frameReader reads what a client of HTTP/2 says, and judges its order. Only hpack is shared with what it judges.
type frameReader struct {
	audience frameAudience
	buffer   []byte
	begun    bool // the preface came
	settled  bool // SETTINGS came behind it
	decoder  *hpack.Decoder
	table    uint32 // bytes that its table may have
	size     uint32 // that it may have as the client says
	fields   [][2]string
	block    []byte // of a section that is not whole
	opened   uint32 // its stream; 0: none is
	last     bool   // it is the end of its stream
}

func newFrameReader(a frameAudience) *frameReader {
	r := &frameReader{audience: a, table: 4096, size: 4096}
	r.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		r.fields = append(r.fields, [2]string{f.Name, f.Value})
	})
	return r
}

// feed takes what came. An error says what is wrong with it.
func (r *frameReader) feed(b []byte) error {
	r.buffer = append(r.buffer, b...)
	if !r.begun {
		n := min(len(r.buffer), len(http2.ClientPreface))
		if string(r.buffer[:n]) != http2.ClientPreface[:n] {
			return fmt.Errorf("preface %q", r.buffer[:n])
		}
		if n < len(http2.ClientPreface) {
			return nil
		}
		r.begun, r.buffer = true, r.buffer[n:]
	}
	for len(r.buffer) >= frameHead {
		n := int(binary.BigEndian.Uint32(r.buffer) >> 8)
		if n > frameLimit {
			return fmt.Errorf("frame of %d bytes", n)
		}
		if len(r.buffer) < frameHead+n {
			return nil
		}
		f := frame{
			kind: http2.FrameType(r.buffer[3]), flags: http2.Flags(r.buffer[4]),
			stream: binary.BigEndian.Uint32(r.buffer[5:]), payload: r.buffer[frameHead : frameHead+n],
		}
		r.buffer = r.buffer[frameHead+n:]
		if err := r.take(&f); err != nil {
			return fmt.Errorf("%v of stream %d: %w", f.kind, f.stream, err)
		}
	}
	return nil
}

func (r *frameReader) take(f *frame) error {
	switch {
	case !r.settled && (f.kind != http2.FrameSettings || f.flags&http2.FlagSettingsAck != 0):
		return fmt.Errorf("before the settings")
	case r.opened != 0 && (f.kind != http2.FrameContinuation || f.stream != r.opened):
		return fmt.Errorf("inside a field section")
	}
	r.settled = true
	switch f.kind {
	case http2.FrameHeaders:
		if f.flags&(http2.FlagHeadersPadded|http2.FlagHeadersPriority) != 0 {
			return fmt.Errorf("padded or with a priority")
		}
		r.block, r.opened, r.last = nil, f.stream, f.flags&http2.FlagHeadersEndStream != 0
		return r.fragment(f)
	case http2.FrameContinuation:
		if r.opened == 0 {
			return fmt.Errorf("of nothing")
		}
		return r.fragment(f)
	case http2.FrameData:
		r.audience.octetsRead(f.stream, f.payload, len(f.payload), f.flags&http2.FlagDataEndStream != 0)
	default:
		r.audience.controlRead(f)
	}
	return nil
}

func (r *frameReader) fragment(f *frame) error {
	r.block = append(r.block, f.payload...)
	if f.flags&http2.FlagHeadersEndHeaders == 0 {
		return nil
	}
	r.fields = nil
	if err := r.resize(); err != nil {
		return err
	}
	if _, err := r.decoder.Write(r.block); err != nil {
		return err
	}
	if err := r.decoder.Close(); err != nil {
		return err
	}
	id := r.opened
	r.opened = 0
	r.audience.sectionRead(id, r.fields, r.last)
	return nil
}

// resize takes the changes of the table's size at the beginning of a section (RFC 7541 §4.2). There may be two, which
// hpack's decoder refuses.
func (r *frameReader) resize() error {
	for len(r.block) > 0 && r.block[0]&0xe0 == 0x20 {
		size, n := uint64(r.block[0]&0x1f), 1
		for shift := 0; size >= 0x1f && n < len(r.block); shift += 7 {
			size += uint64(r.block[n]&0x7f) << shift
			if n++; r.block[n-1]&0x80 == 0 {
				break
			}
		}
		if size > uint64(r.table) {
			return fmt.Errorf("a table of %d bytes, where %d are allowed", size, r.table)
		}
		r.size = uint32(size)
		r.decoder.SetMaxDynamicTableSize(r.size)
		r.block = r.block[n:]
	}
	return nil
}

// limit is how large the table may be from now on. What it has beyond that is gone.
func (r *frameReader) limit(table uint32) {
	if r.table = table; table < r.size {
		r.size = table
		r.decoder.SetMaxDynamicTableSize(table)
	}
}

// headOf makes a head of a field section, in the form of HTTP/1. Its first words are those of the request line. An
// error says which rule of RFC 9113 §8.2 or §8.3 it breaks.
func headOf(fields [][2]string) (*head, error) {
	h, pseudo := &head{}, map[string]string{}
	for _, f := range fields {
		name := f[0]
		switch {
		case strings.ToLower(name) != name:
			return nil, fmt.Errorf("field name %q", name)
		case !strings.HasPrefix(name, ":"):
			h.fields = append(h.fields, f)
		case len(h.fields) > 0 || pseudo[name] != "":
			return nil, fmt.Errorf("%q out of place", name)
		default:
			pseudo[name] = f[1]
		}
	}
	for _, name := range []string{"connection", "upgrade", "transfer-encoding", "keep-alive", "host", "te"} {
		if h.count(name) > 0 {
			return nil, fmt.Errorf("field %q", name)
		}
	}
	if len(pseudo) != 4 || pseudo[":scheme"] != "http" {
		return nil, fmt.Errorf("pseudo-header fields %v", pseudo)
	}
	h.first = []string{pseudo[":method"], pseudo[":path"], "HTTP/2"}
	h.fields = append(h.fields, [2]string{"Host", pseudo[":authority"]})
	return h, nil
}

// sections compresses field sections and cuts them into frames.
type sections struct {
	dice    dice
	encoder *hpack.Encoder
	buffer  bytes.Buffer
}

func newSections(d dice) *sections {
	s := &sections{dice: d}
	s.encoder = hpack.NewEncoder(&s.buffer)
	s.encoder.SetMaxDynamicTableSizeLimit(one[uint32](d, 0, 100, 4096, 4096))
	return s
}

// bytes of a section, in as many frames as the dice say.
func (s *sections) bytes(id uint32, fields [][2]string, last bool) (b []byte) {
	s.buffer.Reset()
	if s.dice.chance(5) {
		s.encoder.SetMaxDynamicTableSize(uint32(s.dice.size(4096)))
	}
	for _, f := range fields {
		_ = s.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: s.dice.chance(10)})
	}
	block := bytes.Clone(s.buffer.Bytes())
	f := frame{kind: http2.FrameHeaders, stream: id}
	if last {
		f.flags = http2.FlagHeadersEndStream
	}
	for {
		n := min(len(block), s.fragment(len(block)))
		f.payload, block = block[:n], block[n:]
		if len(block) == 0 {
			f.flags |= http2.FlagHeadersEndHeaders
		}
		if f.kind == http2.FrameHeaders {
			s.adorn(&f)
		}
		if b = append(b, f.bytes()...); len(block) == 0 {
			return b
		}
		f = frame{kind: http2.FrameContinuation, stream: id}
	}
}

// maxFragments is how many frames a section is cut into: more are an attack.
const maxFragments = 20

func (s *sections) fragment(n int) int {
	if s.dice.chance(70) {
		return frameLimit / 2
	}
	return max(s.dice.size(n), n/maxFragments+1)
}

// adorn adds what HEADERS may have and nobody needs: padding and a priority.
func (s *sections) adorn(f *frame) {
	padding := 0
	if s.dice.chance(10) {
		padding = s.dice.between(0, 255)
		f.flags |= http2.FlagHeadersPadded
	}
	if s.dice.chance(10) {
		f.flags |= http2.FlagHeadersPriority
		f.payload = append([]byte{0, 0, 0, 0, 16}, f.payload...)
	}
	if f.flags&http2.FlagHeadersPadded != 0 {
		f.payload = append(append([]byte{byte(padding)}, f.payload...), make([]byte, padding)...)
	}
}
