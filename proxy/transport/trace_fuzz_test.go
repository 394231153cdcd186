package transport

import (
	"bytes"
	"fmt"
	"testing"
)

// FuzzTrace holds that what is hidden in a trace is what has to be, wherever the stream is cut: in HTTP/1.1 by a look at
// whole lines, in HTTP/2 by one at whole frames.
func FuzzTrace(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nauthorization: Basic abc\r\nX-Request-ID: id-7\r\nCookie: a=b; c=d\r\nA: cookie: no\r\n\r\nbody",
		"Set-Cookie:s=1\r\n  folded\r\n\tagain\r\nPROXY-AUTHORIZATION: z\n x\r\n\r\n x", "Cookie\r:a\rb\nproxy-authorizations: x\n",
		preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x04\x01\x05\x00\x00\x00\x01abcd" +
			"\x00\x00\x02\x00\x01\x80\x00\x00\x01hi",
		"\x00\x00\x04\x09\x04\x00\x00\x00\x03abcd\x00\x00\x01\x05\x04\xff\xff\xff\xffa" +
			"\x00\x00\x01\x0a\x00\x00\x00\x00\x00!",
	} {
		f.Add([]byte(seed), []byte{0})
		f.Add([]byte(seed), []byte{3, 0, 20})
	}
	f.Fuzz(func(t *testing.T, input, sizes []byte) {
		switch whole := bytes.HasPrefix(input, []byte(preface)); {
		case whole:
			sizes = append([]byte{byte(len(preface) - 1)}, sizes...) // it is sent in one piece
		case startsHTTP2(input):
			return
		}
		var r redactor
		var frames frameReader
		var id, lines []byte
		text, framed := bytes.Clone(input), bytes.Clone(input)
		for at, i := 0, 0; at < len(input); i++ {
			end := len(input)
			if len(sizes) > 0 {
				end = min(end, at+int(sizes[i%len(sizes)])+1)
			}
			r.redact(text[at:end], false, &id)
			lines = append(lines, frames.read(framed[at:end], false)...)
			at = end
		}
		if want := withoutSecrets(input); !bytes.Equal(text, want) {
			t.Fatalf("shown %q\nwant  %q", text, want)
		}
		wantLines, want := withoutBlocks(input)
		if !bytes.Equal(framed, want) || string(lines) != wantLines {
			t.Fatalf("shown %q\nwant  %q\n%s%s", framed, want, lines, wantLines)
		}
		if len(id) > maxRequestID || bytes.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
			t.Fatalf("id %q", id)
		}
	})
}

// withoutSecrets hides the values of secret fields, and lines that continue them, in a whole stream.
func withoutSecrets(stream []byte) []byte {
	var out [][]byte
	secret := false
	for _, line := range bytes.Split(stream, []byte{'\n'}) {
		line = bytes.Clone(line)
		plain := bytes.ReplaceAll(line, []byte{'\r'}, nil)
		at := bytes.IndexByte(line, ':')
		if secret = secret && bytes.IndexAny(plain, " \t") == 0; secret {
			at = bytes.IndexAny(line, " \t")
		} else if name, _, found := bytes.Cut(plain, []byte{':'}); found {
			secret = Secret(string(bytes.ToLower(name)))
		}
		for i := at + 1; i < len(line) && secret; i++ {
			if line[i] != '\r' {
				line[i] = '*'
			}
		}
		out = append(out, line)
	}
	return bytes.Join(out, []byte{'\n'})
}

// withoutBlocks hides blocks of fields in a whole stream of frames and tells of each frame (RFC 9113 §4.1).
func withoutBlocks(stream []byte) (lines string, out []byte) {
	out = bytes.Clone(stream)
	rest, preceded := bytes.CutPrefix(out, []byte(preface))
	if preceded {
		lines = "  connection preface\n"
	}
	for len(rest) >= frameHeadSize {
		size := int(rest[0])<<16 | int(rest[1])<<8 | int(rest[2])
		kind := rest[3]
		name := fmt.Sprintf("type %d", kind)
		if int(kind) < len(frameNames) {
			name = frameNames[kind]
		}
		stream := int(rest[5]&0x7f)<<24 | int(rest[6])<<16 | int(rest[7])<<8 | int(rest[8])
		lines += fmt.Sprintf("  frame %s, stream %d, flags 0x%02x, %d bytes\n", name, stream, rest[4], size)
		payload := rest[frameHeadSize:min(len(rest), frameHeadSize+size)]
		if name == "HEADERS" || name == "PUSH_PROMISE" || name == "CONTINUATION" {
			hide(payload)
		}
		rest = rest[frameHeadSize+len(payload):]
	}
	return lines, out
}
