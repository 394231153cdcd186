package h2

import (
	"bytes"

	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// encoder maps requests to field sections (RFC 9113 §8.2, §8.3.1) and compresses them (RFC 7541).
//
// A field goes into the dynamic table when its value comes for the second time: what comes once only, such as an identifier,
// would push out what comes always. What the encoder of hpack is given must be strings: those that come often are kept, so that
// in steady state they cost no allocation.
type encoder struct {
	hpack *hpack.Encoder
	block bytes.Buffer
	lower []byte
	words map[string]string
	seen  [seenSize]uint32 // hashes of values that came
}

const (
	seenSize = 1 << 9 // a power of 2
	maxWords = 1 << 10
	longWord = 256 // bytes; longer values are not kept
)

func (e *encoder) open() {
	e.hpack = hpack.NewEncoder(&e.block)
	e.hpack.SetMaxDynamicTableSizeLimit(tableSize)
	e.words = make(map[string]string)
}

// request returns the field section of a request, good until the next one. Hot path.
func (e *encoder) request(r *semantics.Request, target []byte, scheme string) []byte {
	e.block.Reset()
	e.write(":method", e.word(r.Method), false)
	e.write(":scheme", scheme, false)
	for i := range r.Fields {
		if r.Fields[i].Kind == semantics.Host {
			e.field(":authority", r.Fields[i].Value)
			break
		}
	}
	e.field(":path", target)
	for i := range r.Fields {
		if f := &r.Fields[i]; belongs(f) {
			e.field(e.name(f.Name), f.Value)
		}
	}
	return e.block.Bytes()
}

// belongs reports whether a field of a request is part of its field section: it is not of an HTTP/1 connection
// (RFC 9113 §8.2.2: of these only "TE: trailers" has a meaning), nor is it Host, which is :authority.
func belongs(f *semantics.Field) bool {
	switch f.Kind {
	case semantics.Host, semantics.Connection, semantics.KeepAlive, semantics.ProxyConnection, semantics.TransferEncoding,
		semantics.Upgrade:
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
			e.field(e.name(f.Name), f.Value)
		}
	}
	return e.block.Bytes()
}

// field writes a field by what is known of its value. Hot path.
func (e *encoder) field(name string, value []byte) {
	if len(value) <= longWord && !secret(name) {
		if w, kept := e.words[string(value)]; kept {
			e.write(name, w, false)
			return
		}
		if e.again(value) {
			e.write(name, e.word(value), false)
			return
		}
	}
	e.write(name, string(value), true)
}

// write writes a field. One that is not kept is written as never to be indexed, the only such form that hpack offers.
func (e *encoder) write(name, value string, once bool) {
	_ = e.hpack.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: once})
}

// secret tells fields whose values could be guessed bit by bit if they were compressed against others' (RFC 7541 §7.1.3):
// the connection is shared by many clients.
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

// name is a field name in lower case (RFC 9113 §8.2.1).
func (e *encoder) name(b []byte) string {
	e.lower = e.lower[:0]
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		e.lower = append(e.lower, c)
	}
	return e.word(e.lower)
}

// word is b as a string that is kept for the next time.
func (e *encoder) word(b []byte) string {
	if w, known := e.words[string(b)]; known {
		return w
	}
	if len(e.words) == maxWords {
		clear(e.words)
	}
	w := string(b)
	if len(b) <= longWord {
		e.words[w] = w
	}
	return w
}
