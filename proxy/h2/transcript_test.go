package h2

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// A transcript is a script with all that the connection answers. To rewrite all: go test ./proxy/h2 -run Transcripts
// -update
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want))
			switch {
			case *update:
				err = os.WriteFile(file, []byte(got), 0o644)
			case got != string(want):
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// replay runs the lines of a transcript that are not answers. A line "---" begins a new connection.
func replay(t *testing.T, text string) string {
	var all strings.Builder
	var s *script
	for line := range strings.Lines(text) {
		switch line = strings.TrimRight(line, "\n"); {
		case strings.HasPrefix(line, "  "):
			continue
		case line == "" || line[0] == '#':
			fmt.Fprintln(&all, line)
		case line == "---":
			fmt.Fprintln(&all, line)
			s = newScript(t)
			s.out.Reset() // the beginning is the same everywhere
		default:
			fmt.Fprintln(&all, line)
			s.run(line)
			all.WriteString(s.out.String())
			s.out.Reset()
		}
	}
	return all.String()
}

// receive feeds the connection what the server sent, frame by frame.
func (s *script) receive() {
	for s.sent.Len() > 0 {
		e, n, err := s.conn.Next(s.sent.Bytes())
		if err != nil {
			fmt.Fprintf(&s.out, "  = connection: %s\n", err)
			s.dead = true
			return
		}
		if n == 0 {
			fmt.Fprintf(&s.out, "  = %d bytes wait\n", s.sent.Len())
			return
		}
		s.sent.Next(n)
		s.out.WriteString(describe(&e))
	}
}

func describe(e *Event) string {
	var b strings.Builder
	id, last := uint32(0), ""
	if e.Stream != nil {
		id = e.Stream.ID()
	}
	if e.Last {
		last = " last"
	}
	switch e.Kind {
	case Nothing:
		return ""
	case Settled:
		b.WriteString("settled")
	case Head:
		fmt.Fprintf(&b, "head %d%s %d length %d", id, last, e.Response.Status, e.Response.Length)
		for _, f := range e.Response.Fields {
			fmt.Fprintf(&b, " %s=%s", f.Name, short(string(f.Value)))
		}
	case Data:
		fmt.Fprintf(&b, "data %d%s %s", id, last, short(string(e.Data)))
	case Trailers:
		fmt.Fprintf(&b, "trailers %d", id)
		for _, f := range e.Trailers {
			fmt.Fprintf(&b, " %s=%s", f.Name, f.Value)
		}
	case Reset:
		fmt.Fprintf(&b, "reset %d %s", id, e.Code)
	case Broken:
		fmt.Fprintf(&b, "broken %d %s", id, e.Err)
	case Window:
		fmt.Fprintf(&b, "window %d", id)
	case GoAway:
		fmt.Fprintf(&b, "go away above %d %s", e.LastID, e.Code)
	}
	return "  = " + b.String() + "\n"
}

func short(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("*%d", len(s))
	}
	return s
}

// show writes what the connection sent, as the server reads it.
func (s *script) show(b []byte) {
	framer := http2.NewFramer(nil, bytes.NewReader(b))
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return
		}
		s.out.WriteString("  > " + s.frame(f) + "\n")
	}
}

func (s *script) frame(f http2.Frame) string {
	h := f.Header()
	text := fmt.Sprintf("%s %d", h.Type, h.StreamID)
	if h.Flags.Has(http2.FlagDataEndStream) && (h.Type == http2.FrameData || h.Type == http2.FrameHeaders) {
		text += " end"
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return text + " ack"
		}
		for i := range f.NumSettings() {
			text += " " + f.Setting(i).String()
		}
	case *http2.HeadersFrame:
		return text + s.decode(f.HeaderBlockFragment())
	case *http2.ContinuationFrame:
		return text + s.decode(f.HeaderBlockFragment())
	case *http2.DataFrame:
		return text + " " + short(string(f.Data()))
	case *http2.RSTStreamFrame:
		return text + " " + f.ErrCode.String()
	case *http2.WindowUpdateFrame:
		return fmt.Sprintf("%s +%d", text, f.Increment)
	case *http2.GoAwayFrame:
		return text + " " + f.ErrCode.String()
	case *http2.PingFrame:
		return fmt.Sprintf("%s ack=%v %x", text, f.IsAck(), f.Data)
	}
	return text
}

func (s *script) decode(fragment []byte) (text string) {
	s.dec.SetEmitFunc(func(f hpack.HeaderField) {
		text += " " + f.Name + "=" + short(f.Value)
		if f.Sensitive {
			text += "!"
		}
	})
	if _, err := s.dec.Write(fragment); err != nil {
		s.t.Error(err)
	}
	return text
}
