package h2

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// A script is what the two sides of a connection do, a line each:
//
//	request GET /path [length=5|chunked] [name=value ...]     open a stream
//	write 1 text       end 1 [name=value ...]                 its body, its end
//	reset 1 CANCEL     taken 1 100                            give it up; its receiver took bytes
//	ping                                                      ask for a sign of life
//	< settings [ack] [NAME=value ...]                         from here on what the server sends
//	< headers 1 [end] [more] [name=value ...]                 more: CONTINUATION follows
//	< continuation 1 [more] [name=value ...]
//	< data 1 [end] [pad=9] [text or *1000]
//	< rst 1 CODE   < window 1 100   < goaway 1 CODE   < ping [ack]   < priority 1   < push 1   < unknown 1   < raw 0a0b
//
// Each is answered by what the connection sends ("> …") and by its events ("= …").
type script struct {
	t       testing.TB
	conn    *Conn
	streams map[uint32]*Stream
	out     strings.Builder
	dead    bool

	// The server's side.
	sent   bytes.Buffer
	framer *http2.Framer
	block  bytes.Buffer
	enc    *hpack.Encoder
	dec    *hpack.Decoder
}

func newScript(t *testing.T) *script {
	s := &script{t: t, conn: New(false, Limits{}), streams: map[uint32]*Stream{}}
	s.framer = http2.NewFramer(&s.sent, nil)
	s.framer.AllowIllegalWrites = true
	s.enc = hpack.NewEncoder(&s.block)
	s.dec = hpack.NewDecoder(tableSize, nil)
	s.show(s.conn.Out[len(http2.ClientPreface):])
	s.conn.Out = s.conn.Out[:0]
	return s
}

// run does one line and reports what came of it.
func (s *script) run(line string) {
	words := strings.Fields(line)
	switch {
	case s.dead:
		s.t.Fatalf("%q after the end", line)
	case words[0] == "ping":
		s.conn.Ping()
	case words[0] == "<":
		s.serve(words[1], words[2:])
		s.receive()
	default:
		s.act(words[0], words[1:])
	}
	s.show(s.conn.Out)
	s.conn.Out = s.conn.Out[:0]
	s.conn.Release()
}

func (s *script) act(verb string, words []string) {
	if verb == "request" {
		s.request(words)
		return
	}
	st := s.streams[s.number(words[0])]
	if st == nil {
		s.t.Fatalf("no stream %s", words[0])
	}
	switch rest := words[1:]; verb {
	case "write":
		text := content(rest)
		n := s.conn.Write(st, text)
		fmt.Fprintf(&s.out, "  = wrote %d of %d\n", n, len(text))
	case "end":
		s.conn.End(st, fields(rest))
	case "reset":
		s.conn.Reset(st, code(rest[0]))
	case "taken":
		s.conn.Taken(st, int(s.number(rest[0])), false)
	default:
		s.t.Fatalf("unknown verb %q", verb)
	}
}

func (s *script) request(words []string) {
	r := &semantics.Request{Method: []byte(words[0]), Version: semantics.HTTP11}
	for _, f := range fields(words[2:]) {
		switch string(f.Name) {
		case "length":
			r.Length = int64(s.number(string(f.Value)))
		case "chunked":
			r.Length = semantics.Chunked
		default:
			r.Fields = append(r.Fields, f)
		}
	}
	if s.conn.Room() == 0 {
		s.out.WriteString("  = no room\n")
		return
	}
	st := &Stream{}
	s.conn.Request(st, r, []byte(words[1]))
	s.streams[st.ID()] = st
}

// serve has the server send a frame.
func (s *script) serve(kind string, words []string) {
	id := uint32(0)
	if len(words) > 0 && kind != "settings" && kind != "ping" && kind != "raw" && kind != "goaway" {
		id, words = s.number(words[0]), words[1:]
	}
	last, words := marked(words, "end")
	more, words := marked(words, "more")
	switch kind {
	case "settings":
		s.settings(words)
	case "headers":
		_ = s.framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: s.encode(words), EndStream: last, EndHeaders: !more,
		})
	case "continuation":
		_ = s.framer.WriteContinuation(id, !more, s.encode(words))
	case "data":
		s.data(id, last, words)
	case "rst":
		_ = s.framer.WriteRSTStream(id, code(words[0]))
	case "window":
		_ = s.framer.WriteWindowUpdate(id, s.number(words[0]))
	case "goaway":
		_ = s.framer.WriteGoAway(s.number(words[0]), code(words[1]), nil)
	case "ping":
		ack, _ := marked(words, "ack")
		_ = s.framer.WritePing(ack, [8]byte{1, 2, 3})
	case "priority":
		_ = s.framer.WritePriority(id, http2.PriorityParam{Weight: 7})
	case "push":
		_ = s.framer.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, EndHeaders: true})
	case "unknown":
		_ = s.framer.WriteRawFrame(0xfe, 0, id, []byte("?"))
	case "raw":
		raw, err := hex.DecodeString(words[0])
		if err != nil {
			s.t.Fatal(err)
		}
		s.sent.Write(raw)
	default:
		s.t.Fatalf("unknown frame %q", kind)
	}
}

func (s *script) settings(words []string) {
	ack, words := marked(words, "ack")
	if ack {
		_ = s.framer.WriteSettingsAck()
		return
	}
	var list []http2.Setting
	for _, f := range fields(words) {
		for id := http2.SettingID(1); id < 7; id++ {
			if id.String() == string(f.Name) {
				list = append(list, http2.Setting{ID: id, Val: s.number(string(f.Value))})
			}
		}
	}
	_ = s.framer.WriteSettings(list...)
}

func (s *script) data(id uint32, last bool, words []string) {
	if len(words) > 0 && strings.HasPrefix(words[0], "pad=") {
		pad := make([]byte, s.number(words[0][len("pad="):]))
		_ = s.framer.WriteDataPadded(id, last, content(words[1:]), pad)
		return
	}
	_ = s.framer.WriteData(id, last, content(words))
}

func (s *script) encode(words []string) []byte {
	s.block.Reset()
	for _, f := range fields(words) {
		_ = s.enc.WriteField(hpack.HeaderField{Name: string(f.Name), Value: string(f.Value)})
	}
	return bytes.Clone(s.block.Bytes())
}

func (s *script) number(word string) uint32 {
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		s.t.Fatal(err)
	}
	return uint32(n)
}

func marked(words []string, name string) (bool, []string) {
	if len(words) > 0 && words[0] == name {
		return true, words[1:]
	}
	return false, words
}

// content is *N for N bytes, or the words themselves.
func content(words []string) []byte {
	text := strings.Join(words, " ")
	if n, err := strconv.Atoi(strings.TrimPrefix(text, "*")); err == nil && text[0] == '*' {
		return bytes.Repeat([]byte("x"), n)
	}
	return []byte(text)
}

// fields are words as name=value; a value of *N is N bytes, and "_" in one a space.
func fields(words []string) (list []semantics.Field) {
	for _, w := range words {
		at := strings.LastIndex(w[:1], "=") + 1
		name, value, _ := strings.Cut(w[at:], "=")
		text := strings.ReplaceAll(string(content([]string{value})), "_", " ")
		list = append(list, semantics.Field{
			Name: []byte(name), Value: []byte(text), Kind: semantics.KindOf([]byte(name)),
		})
	}
	return list
}

func code(name string) http2.ErrCode {
	for c := http2.ErrCode(0); c < 14; c++ {
		if c.String() == name {
			return c
		}
	}
	return http2.ErrCode(99)
}
