package h2

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// FuzzResponseFields holds that fields of a server are told as they came, and only those that a message of HTTP/1.1 can
// hold: a line break or a second length in one would split a response in two (RFC 9113 §10.3). A line of the script is a
// field, an empty one ends a section; the last section ends the stream.
func FuzzResponseFields(f *testing.F) {
	for _, seed := range []string{
		":status:200\ndate:x\nset-cookie:a\nset-cookie:b", ":status:103\nlink:x\n\n:status:204", ":status:200\n\ngrpc-status:0",
		":status:200\ncontent-length:5", ":status:304\ncontent-length:5\ntransfer-encoding:chunked", "a:b\n:status:200",
		":status:101\nupgrade:x", ":status:200\nA:b", ":status:200\na:b\rc", ":status:200\na: b", ":status:099\n\n:path:/",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, script []byte, toHead bool) {
		c := New(false, Limits{})
		method := "GET"
		if toHead {
			method = "HEAD"
		}
		c.Request(&Stream{}, &semantics.Request{Method: []byte(method)}, []byte("/"))
		read(t, c, sent(func(f *http2.Framer) { _ = f.WriteSettings() }))
		sections := bytes.Split(script, []byte("\n\n"))
		for i, section := range sections {
			fields := parsed(section)
			block := encoded(fields)
			frames := sent(func(f *http2.Framer) { writeSection(f, block, i == len(sections)-1) })
			e := read(t, c, frames)
			switch e.Kind {
			case Head:
				checkHead(t, &e, fields)
			case Trailers:
				checkTold(t, e.Trailers, fields)
			default:
				return
			}
			if theirs := refusal(frames); theirs != nil {
				t.Fatalf("%q is taken, but refused by x/net: %v", section, theirs)
			}
		}
	})
}

func sent(write func(*http2.Framer)) []byte {
	var b bytes.Buffer
	f := http2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	write(f)
	return b.Bytes()
}

// writeSection writes a section in two frames, if it has two bytes.
func writeSection(f *http2.Framer, block []byte, last bool) {
	half := min(len(block)/2, maxFrame)
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:half], EndStream: last})
	_ = f.WriteContinuation(1, true, block[half:])
}

// parsed are lines as fields. The colon that divides a line is not its first byte.
func parsed(section []byte) (fields []hpack.HeaderField) {
	for line := range bytes.SplitSeq(section, []byte{'\n'}) {
		at := bytes.IndexByte(line[min(len(line), 1):], ':')
		if at < 0 {
			continue
		}
		fields = append(fields, hpack.HeaderField{Name: string(line[:at+1]), Value: string(line[at+2:])})
	}
	return fields
}

// encoded is a section that says the same to whoever reads it first.
func encoded(fields []hpack.HeaderField) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range fields {
		f.Sensitive = true // so that it is in no table
		_ = e.WriteField(f)
	}
	return b.Bytes()
}

// read returns the last event of frames.
func read(t *testing.T, c *Conn, frames []byte) (e Event) {
	t.Helper()
	for len(frames) > 0 {
		var n int
		var err *Error
		if e, n, err = c.Next(frames); err != nil {
			return Event{}
		}
		if n == 0 {
			t.Fatalf("%d bytes of frames are not read", len(frames))
		}
		frames = frames[n:]
	}
	return e
}

// refusal is what x/net finds wrong with a section.
func refusal(frames []byte) error {
	f := http2.NewFramer(nil, bytes.NewReader(frames))
	f.ReadMetaHeaders = hpack.NewDecoder(tableSize, nil)
	_, err := f.ReadFrame()
	return err
}

func checkHead(t *testing.T, e *Event, sent []hpack.HeaderField) {
	t.Helper()
	r := e.Response
	fields := r.Fields
	if n := len(fields); e.Last && n > 0 && &fields[n-1].Name[0] == &noContent.Name[0] {
		fields = fields[:n-1]
	}
	checkTold(t, fields, sent)
	var lengths int
	for i := range r.Fields {
		if r.Fields[i].Kind == semantics.ContentLength {
			lengths++
		}
	}
	if r.Status < 100 || r.Status > 999 || r.Status == 101 || lengths > 1 || r.Length > 0 && lengths == 0 ||
		e.Last && r.Length != 0 {
		t.Fatalf("status %d, length %d by %d fields, last %v", r.Status, r.Length, lengths, e.Last)
	}
}

// checkTold demands that the fields are those that were sent, and that a message of HTTP/1.1 can hold them.
func checkTold(t *testing.T, told []semantics.Field, sent []hpack.HeaderField) {
	t.Helper()
	sent = slices.DeleteFunc(slices.Clone(sent), func(f hpack.HeaderField) bool { return strings.HasPrefix(f.Name, ":") })
	same := func(a semantics.Field, b hpack.HeaderField) bool {
		return string(a.Name) == b.Name && string(a.Value) == b.Value
	}
	if !slices.EqualFunc(told, sent, same) {
		t.Fatalf("told %v\nsent %v", told, sent)
	}
	for i := range told {
		f := &told[i]
		name := string(f.Name)
		if !semantics.IsToken(f.Name) || name != strings.ToLower(name) || !valid(f.Value) || !f.EndToEnd() && name != "te" {
			t.Fatalf("%q: %q", f.Name, f.Value)
		}
	}
}
