package h2

import (
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// block is the field section that is being received: HEADERS and what CONTINUATION frames follow it.
type block struct {
	id        uint32
	stream    *Stream // nil: it is over, and the section is read only because the table must not get out of step
	last      bool    // END_STREAM
	fragments int
	size      int // compressed

	bytes   []byte            // that the fields are slices of
	fields  []semantics.Field // of all sections since Release
	from    int               // of the fields, where those of this section begin
	status  int
	listed  int    // size of the fields as SETTINGS_MAX_HEADER_LIST_SIZE counts
	large   bool   // more than allowed: the rest is not kept
	defect  string // what is wrong first; empty: nothing
	regular bool   // a field that is no pseudo-header came
}

func (b *block) open() bool { return b.id != 0 }

func (b *block) begin(id uint32, s *Stream, last bool) {
	*b = block{id: id, stream: s, last: last, bytes: b.bytes, fields: b.fields, from: len(b.fields)}
}

// spareFields is how many fields may be added to a section in its place.
const spareFields = 6

var noFields [spareFields]semantics.Field

// section is what was read.
func (b *block) section() []semantics.Field {
	end := len(b.fields)
	b.fields = append(b.fields, noFields[:]...)
	return b.fields[b.from:end:len(b.fields)]
}

// Kept is how many bytes of field sections are kept for Events until Release.
func (c *Conn) Kept() int { return len(c.block.bytes) }

// Release says that no head and no trailer of an earlier Event is needed any more.
func (c *Conn) Release() {
	b := &c.block
	if b.open() { // it would lose its beginning
		return
	}
	if cap(b.bytes) > 2*c.limits.headBytes() {
		b.bytes = nil
	}
	b.bytes, b.fields = b.bytes[:0], b.fields[:0]
	b.from = 0
}

// readHeaders begins a section (RFC 9113 §6.2).
func (c *Conn) readHeaders(f *frame, p *http2.HeadersFrame) (Event, *Error) {
	s, err := c.find(f)
	if err != nil {
		return Event{}, err
	}
	c.block.begin(f.stream, s, p.StreamEnded())
	c.decoder.SetEmitEnabled(s != nil)
	return c.readFragment(p.HeaderBlockFragment(), p.HeadersEnded())
}

// readFragment decodes a part of a section.
func (c *Conn) readFragment(fragment []byte, whole bool) (Event, *Error) {
	b := &c.block
	b.fragments++
	b.size += len(fragment)
	if b.fragments > maxFragments || b.size > c.limits.blockBytes() {
		return Event{}, flood("endless field section")
	}
	if _, err := c.decoder.Write(fragment); err != nil { // RFC 9113 §4.3
		return Event{}, connError(http2.ErrCodeCompression, "malformed field section")
	}
	if !whole {
		return Event{}, nil
	}
	if err := c.decoder.Close(); err != nil {
		return Event{}, connError(http2.ErrCodeCompression, "field section cut short")
	}
	id := b.id
	b.id = 0
	// One that was given up meanwhile is not asked about: its memory may be that of another stream by now.
	if b.stream == nil || c.streams[id] != b.stream {
		c.debt++
		return Event{}, nil
	}
	return c.readSection(b), nil
}

// take is called by the decoder for each field. Hot path.
func (c *Conn) take(f hpack.HeaderField) {
	b := &c.block
	b.listed += len(f.Name) + len(f.Value) + fieldCharge
	if b.listed > c.limits.headBytes() || len(b.fields)-b.from == maxFields {
		b.large = true
		c.decoder.SetEmitEnabled(false)
		return
	}
	if b.defect != "" {
		return
	}
	if len(f.Name) > 0 && f.Name[0] == ':' {
		b.pseudo(f)
		return
	}
	b.regular = true
	b.add(f)
}

// pseudo takes a pseudo-header field: a response has one, before all others, and a trailer section none (RFC 9113
// §8.3.2).
func (b *block) pseudo(f hpack.HeaderField) {
	switch {
	case f.Name != ":status":
		b.defect = "unknown pseudo-header field"
	case b.regular:
		b.defect = "pseudo-header field behind others"
	case b.status != 0:
		b.defect = "several :status fields"
	default:
		if b.status = statusOf(f.Value); b.status == 0 {
			b.defect = "malformed :status"
		}
	}
}

// statusOf reads three digits, 100 to 999; 0 for anything else.
func statusOf(v string) int {
	if len(v) != 3 || v[0] < '1' || v[0] > '9' || v[1] < '0' || v[1] > '9' || v[2] < '0' || v[2] > '9' {
		return 0
	}
	return int(v[0]-'0')*100 + int(v[1]-'0')*10 + int(v[2]-'0')
}

// add keeps a field if it is sound.
func (b *block) add(f hpack.HeaderField) {
	start := len(b.bytes)
	b.bytes = append(append(b.bytes, f.Name...), f.Value...)
	middle := start + len(f.Name)
	name, value := b.bytes[start:middle:middle], b.bytes[middle:len(b.bytes):len(b.bytes)]
	field := semantics.Field{Name: name, Value: value, Kind: semantics.KindOf(name)}
	if b.defect = defectOf(&field); b.defect == "" {
		b.fields = append(b.fields, field)
	}
}

// defectOf a field (RFC 9113 §8.2.1, §8.2.2).
func defectOf(f *semantics.Field) string {
	for _, c := range f.Name {
		if !semantics.IsTokenChar(c) || 'A' <= c && c <= 'Z' {
			return "invalid field name"
		}
	}
	switch f.Kind {
	case semantics.Connection, semantics.KeepAlive, semantics.ProxyConnection,
		semantics.TransferEncoding, semantics.Upgrade:
		return "field of an http/1 connection"
	}
	for _, c := range f.Value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return "control byte in a value"
		}
	}
	if len(f.Name) == 0 {
		return "empty field name"
	}
	if n := len(f.Value); n > 0 && (isBlank(f.Value[0]) || isBlank(f.Value[n-1])) {
		return "white space around a value"
	}
	return ""
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
