package h2

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// A server of the fuzz targets reads what a connection sends as strictly as x/net does, and wants to be told of each
// change of the dynamic table (RFC 7541 §4.2).
type server struct {
	t       *testing.T
	conn    *Conn
	decoder *hpack.Decoder
	upload  Stream // open, with a body of unknown length
	limit   int    // the least of the table since the last section
}

func newServer(t *testing.T) *server {
	s := &server{t: t, conn: New(false, Limits{}), decoder: hpack.NewDecoder(tableSize, nil), limit: tableSize}
	s.conn.Out = s.conn.Out[:0]
	s.set() // RFC 9113 §3.4
	s.open()
	return s
}

// set has the connection take settings.
func (s *server) set(list ...http2.Setting) {
	var b bytes.Buffer
	_ = http2.NewFramer(&b, nil).WriteSettings(list...)
	if _, n, err := s.conn.Next(b.Bytes()); n != b.Len() || err != nil {
		s.t.Fatalf("settings: %d of %d, %v", n, b.Len(), err)
	}
	s.conn.Out = s.conn.Out[:0]
	s.conn.debt = 0
}

// resize sets the size of the table, in bytes.
func (s *server) resize(size int) {
	s.set(http2.Setting{ID: http2.SettingHeaderTableSize, Val: uint32(size)})
	s.decoder.SetAllowedMaxDynamicTableSize(uint32(size))
	s.limit = min(s.limit, size)
}

// section reads what was sent: a section of fields, or none if the stream is just ended.
func (s *server) section() []hpack.HeaderField {
	if len(s.conn.Out) == headSize { // an empty frame of data
		s.conn.Out = nil
		return nil
	}
	rest := s.updates(s.block())
	fields, err := s.decoder.DecodeFull(rest)
	if err != nil {
		s.t.Fatalf("%x: %v", rest, err)
	}
	return fields
}

// block puts the frames of a section together.
func (s *server) block() (b []byte) {
	in := bytes.NewReader(s.conn.Out)
	frames := http2.NewFramer(nil, in)
	s.conn.Out = nil
	for whole := false; !whole; {
		frame, err := frames.ReadFrame()
		switch f := frame.(type) {
		case *http2.HeadersFrame:
			b, whole = append(b, f.HeaderBlockFragment()...), f.HeadersEnded()
		case *http2.ContinuationFrame:
			b, whole = append(b, f.HeaderBlockFragment()...), f.HeadersEnded()
		default:
			s.t.Fatalf("%v, %v in a section", frame, err)
		}
	}
	if in.Len() > 0 {
		s.t.Fatalf("%d bytes behind a section", in.Len())
	}
	return b
}

// updates takes the changes of the table from the beginning of a section. Of several, the decoder takes one at a time.
func (s *server) updates(b []byte) (rest []byte) {
	least := tableSize
	for b[0]&0xe0 == 0x20 { // RFC 7541 §6.3
		n := 1
		for more := b[0] == 0x3f; more; n++ {
			more = b[n] >= 0x80
		}
		if _, err := s.decoder.DecodeFull(b[:n]); err != nil {
			s.t.Fatalf("%x: %v", b, err)
		}
		least, b = min(least, size(b[:n])), b[n:]
	}
	if s.limit < least {
		s.t.Fatalf("the table was to have %d bytes at most, but has %d", s.limit, least)
	}
	s.limit = tableSize
	return b
}

// size is an integer with a prefix of five bits (RFC 7541 §5.1).
func size(b []byte) (n int) {
	n = int(b[0] & 0x1f)
	for i, c := range b[1:] {
		n += int(c&0x7f) << (7 * i)
	}
	return n
}

// FuzzRequestFields holds that a server reads the requests and trailers that were meant, however often it changes the size
// of the table. A line of the script is a field, "=N" another size, "" the end of a request, "." that of its trailers.
func FuzzRequestFields(f *testing.F) {
	for _, seed := range []string{
		"host:a\naccept:x\n\naccept:x\n\naccept:x\n\n", "a:b\n\na:b\n\n=50\na:b\n.\n=4096\na:b\nA:c\n.\n",
		"cookie:s\ncookie:s\n\n",
		"host:h\nconnection:x\nte:trailers\nTE:gzip\nhttp2-settings:y\nupgrade:z\n\n=0\n=4096\nb:c\n\nb:c\n\n=0\nb:c\n.\n",
	} {
		f.Add([]byte(seed), []byte("/"))
	}
	f.Fuzz(func(t *testing.T, script, target []byte) {
		if !valid(target) || len(target) == 0 || bytes.ContainsAny(target, " \t#") {
			return
		}
		s := newServer(t)
		var fields []semantics.Field
		for line := range bytes.SplitSeq(script, []byte{'\n'}) {
			size, err := strconv.ParseUint(string(bytes.TrimPrefix(line, []byte{'='})), 10, 13)
			name, value, _ := bytes.Cut(line, []byte{':'})
			switch {
			case len(line) > 0 && line[0] == '=' && err == nil:
				s.resize(int(size))
			case len(line) == 0:
				s.request(fields, target)
				fields = nil
			case string(line) == ".":
				s.trailers(fields)
				fields = nil
			case semantics.IsToken(name) && valid(value):
				fields = append(fields, semantics.Field{Name: name, Value: value, Kind: semantics.KindOf(name)})
			}
		}
	})
}

// valid is what a value of an HTTP/1.1 message may be.
func valid(value []byte) bool {
	control := bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
	return !control && len(semantics.TrimOWS(value)) == len(value)
}

func (s *server) request(fields []semantics.Field, target []byte) {
	var st Stream
	s.conn.Request(&st, &semantics.Request{Method: []byte("GET"), Fields: fields}, target)
	want := []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}}
	if i := slices.IndexFunc(fields, func(f semantics.Field) bool { return f.Kind == semantics.Host }); i >= 0 {
		want = append(want, hpack.HeaderField{Name: ":authority", Value: string(fields[i].Value)})
	}
	want = append(want, hpack.HeaderField{Name: ":path", Value: string(target)})
	s.expect(want, fields, Belongs)
	s.forget(&st)
}

// trailers ends the request that waits for its end, and opens another.
func (s *server) trailers(fields []semantics.Field) {
	s.conn.End(&s.upload, fields)
	s.expect(nil, fields, (*semantics.Field).MayTrail)
	s.forget(&s.upload)
	s.open()
}

func (s *server) open() {
	s.conn.Request(&s.upload, &semantics.Request{Method: []byte("PUT"), Length: semantics.Chunked}, []byte("/"))
	s.section()
}

func (s *server) forget(st *Stream) {
	s.conn.Reset(st, http2.ErrCodeCancel)
	s.conn.Out = nil
}

func (s *server) expect(want []hpack.HeaderField, fields []semantics.Field, passes func(*semantics.Field) bool) {
	s.t.Helper()
	for i := range fields {
		if f := &fields[i]; passes(f) {
			want = append(want, hpack.HeaderField{Name: strings.ToLower(string(f.Name)), Value: string(f.Value)})
		}
	}
	got := s.section()
	same := func(a, b hpack.HeaderField) bool { return a.Name == b.Name && a.Value == b.Value }
	if !slices.EqualFunc(got, want, same) {
		s.t.Fatalf("read  %v\nmeant %v", got, want)
	}
}
