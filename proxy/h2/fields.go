package h2

import (
	"bytes"

	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// encoder maps requests to field sections (RFC 9113 §8.2, §8.3.1) and compresses them (RFC 7541).
//
// A field goes into the dynamic table when its value comes for the second time: what comes once only, such as an
// identifier, would push out what comes always. What the encoder of hpack is given must be strings: those that come
// often are kept, so that in steady state they cost no allocation.
type encoder struct {
	hpack *hpack.Encoder
	block bytes.Buffer
	lower []byte
	names map[string]string // in lower case, by themselves
	words map[string]*word  // by their text
	table table
	// resized: hpack tells of another size of the table before the next field that it writes. That must be the first of
	// a section (RFC 7541 §4.2), so no index may be written without it.
	resized bool
	seen    [seenSize]uint32 // hashes of values that came
}

// word is a value that came more than once, and where the tables have it together with a name.
type word struct {
	text   string
	name   string
	static int // index in the static table
	number int // of an entry of the dynamic table
}

const (
	seenSize = 1 << 9 // a power of 2
	maxWords = 1 << 10
	longWord = 256 // bytes; longer values are not kept
)

func (e *encoder) open() {
	e.hpack = hpack.NewEncoder(&e.block)
	e.hpack.SetMaxDynamicTableSizeLimit(tableSize)
	e.names, e.words = make(map[string]string), make(map[string]*word)
	e.table.limit = tableSize
}

// resize obeys the server's limit of the dynamic table.
func (e *encoder) resize(limit uint32) {
	e.hpack.SetMaxDynamicTableSize(limit)
	e.table.resize(int(min(limit, tableSize)))
	e.resized = true
}

// request returns the field section of a request, good until the next one. Hot path.
func (e *encoder) request(r *semantics.Request, target []byte, scheme string) []byte {
	e.block.Reset()
	// The usual ones are in the static table, so that they change nothing in the other.
	e.write(":method", e.name(r.Method), string(r.Method) != "GET" && string(r.Method) != "POST")
	e.write(":scheme", scheme, false)
	for i := range r.Fields {
		if r.Fields[i].Kind == semantics.Host {
			e.field(":authority", r.Fields[i].Value)
			break
		}
	}
	e.field(":path", target)
	for i := range r.Fields {
		if f := &r.Fields[i]; Belongs(f) {
			e.field(e.lowered(f.Name), f.Value)
		}
	}
	return e.block.Bytes()
}

// Belongs reports whether a field of a request is part of its field section: it is not of an HTTP/1 connection
// (RFC 9113 §8.2.2: of these only "TE: trailers" has a meaning), nor is it Host, which is :authority.
func Belongs(f *semantics.Field) bool {
	switch f.Kind {
	case semantics.Host, semantics.Connection, semantics.KeepAlive, semantics.ProxyConnection,
		semantics.TransferEncoding, semantics.Upgrade:
		return false
	case semantics.TE:
		return semantics.EqualFold(f.Value, "trailers")
	}
	return !f.HopByHop && !semantics.EqualFold(f.Name, "http2-settings")
}

// trailers returns the trailer section, empty if none of the fields may stand there.
func (e *encoder) trailers(fields []semantics.Field) []byte {
	e.block.Reset()
	for i := range fields {
		if f := &fields[i]; f.MayTrail() {
			e.field(e.lowered(f.Name), f.Value)
		}
	}
	return e.block.Bytes()
}

// field writes a field by what is known of its value. Hot path.
func (e *encoder) field(name string, value []byte) {
	if e.resized || len(value) > longWord || secret(name) {
		e.write(name, string(value), true)
		return
	}
	w := e.words[string(value)]
	if w == nil && e.again(value) {
		w = e.keep(value)
	}
	switch {
	case w == nil:
		e.write(name, string(value), true)
	case w.name == name && e.known(w):
	default:
		e.find(w, name)
	}
}

// known writes the index of a field that a table has, and reports whether one does.
func (e *encoder) known(w *word) bool {
	index := w.static
	if index == 0 {
		index = e.table.index(w.number)
	}
	const prefix = 1<<7 - 1 // RFC 7541 §6.1, §5.1; no index is beyond the first continuation byte
	switch {
	case index == 0:
		return false
	case index < prefix:
		e.block.WriteByte(0x80 | byte(index))
	default:
		e.block.WriteByte(0xff)
		e.block.WriteByte(byte(index - prefix))
	}
	return true
}

// find has hpack write a field and notes where that found it, or put it.
func (e *encoder) find(w *word, name string) {
	start := e.block.Len()
	e.write(name, w.text, false)
	w.name, w.static, w.number = name, 0, 0
	switch b := e.block.Bytes()[start:]; {
	case b[0] == 0xff:
		w.number = e.table.number(int(b[1]) + 1<<7 - 1)
	case b[0] >= 0x80|firstDynamic:
		w.number = e.table.number(int(b[0] & 0x7f))
	case b[0] >= 0x80:
		w.static = int(b[0] & 0x7f)
	case b[0] >= 0x40: // RFC 7541 §6.2.1
		w.number = e.table.insert(name, w.text)
	}
}

// write writes a field. One that is not kept is written as never to be indexed, the only such form that hpack offers.
func (e *encoder) write(name, value string, once bool) {
	e.resized = false
	_ = e.hpack.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: once})
}

// secret tells fields whose values could be guessed bit by bit if they were compressed against others' (RFC 7541
// §7.1.3): the connection is shared by many clients.
func secret(name string) bool {
	switch name {
	case "authorization", "cookie", "proxy-authorization":
		return true
	}
	return false
}

// again reports whether the value came before, and was not forgotten.
func (e *encoder) again(value []byte) bool {
	h := hash(value)
	place := &e.seen[h%seenSize]
	came := *place == h
	*place = h
	return came
}

// hash is FNV-1a.
func hash(b []byte) uint32 {
	const offset, prime = 2166136261, 16777619
	h := uint32(offset)
	for _, c := range b {
		h = (h ^ uint32(c)) * prime
	}
	return h
}

// lowered is a field name in lower case (RFC 9113 §8.2.1).
func (e *encoder) lowered(b []byte) string {
	e.lower = e.lower[:0]
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		e.lower = append(e.lower, c)
	}
	return e.name(e.lower)
}

// name is b as a string, which is kept for the next time.
func (e *encoder) name(b []byte) string {
	if n, known := e.names[string(b)]; known {
		return n
	}
	if len(e.names) == maxWords {
		clear(e.names)
	}
	n := string(b)
	if len(n) <= longWord {
		e.names[n] = n
	}
	return n
}

// keep remembers a value.
func (e *encoder) keep(value []byte) *word {
	if len(e.words) == maxWords {
		clear(e.words)
	}
	w := &word{text: string(value)}
	e.words[w.text] = w
	return w
}
