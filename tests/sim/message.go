//go:build sim

package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// head is a start line and fields.
type head struct {
	first  []string // words of the start line
	fields [][2]string
}

// value of the first field of a name, in any letter case.
func (h *head) value(name string) string {
	for _, f := range h.fields {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

func (h *head) count(name string) (n int) {
	for _, f := range h.fields {
		if strings.EqualFold(f[0], name) {
			n++
		}
	}
	return n
}

func (h *head) status() int {
	status, _ := strconv.Atoi(h.first[1])
	return status
}

// part is where a reader stands.
type part uint8

const (
	atHead part = iota
	inLength
	atSize
	inChunk
	atChunkEnd
	inTrailers
	untilClose
)

// audience of a reader is told what it reads.
type audience interface {
	// headRead tells a head. For a response it says whether a body can follow.
	headRead(h *head) (noBody bool)
	dataRead(b []byte)
	messageRead(trailers [][2]string)
}

// reader reads one message after another as RFC 9112 has them, and nothing but that. It shares no code with what it
// judges.
type reader struct {
	audience audience
	requests bool
	buffer   []byte
	part     part
	left     int
	trailers [][2]string
}

// feed takes what came. An error says what is wrong with it.
func (r *reader) feed(b []byte) error {
	r.buffer = append(r.buffer, b...)
	for {
		before := len(r.buffer)
		at := r.part
		if err := r.step(); err != nil {
			return err
		}
		if len(r.buffer) == before && r.part == at {
			return nil
		}
	}
}

// finish ends a body that ends with its stream.
func (r *reader) finish() {
	if r.part == untilClose {
		r.end()
	}
}

func (r *reader) step() error {
	switch r.part {
	case atHead:
		return r.readHead()
	case inLength, inChunk:
		r.data(min(r.left, len(r.buffer)))
		if r.left > 0 {
			return nil
		}
		if r.part == inChunk {
			r.part = atChunkEnd
			return nil
		}
		r.end()
	case untilClose:
		r.left = len(r.buffer)
		r.data(len(r.buffer))
	default:
		return r.readLine()
	}
	return nil
}

func (r *reader) data(n int) {
	if n > 0 {
		piece := r.buffer[:n]
		r.buffer = r.buffer[n:]
		r.left -= n
		r.audience.dataRead(piece)
	}
}

func (r *reader) end() {
	trailers := r.trailers
	r.part, r.trailers = atHead, nil
	r.audience.messageRead(trailers)
}

func (r *reader) readHead() error {
	at := bytes.Index(r.buffer, []byte("\r\n\r\n"))
	if at < 0 {
		return nil
	}
	text := string(r.buffer[:at])
	r.buffer = r.buffer[at+4:]
	h, err := parseHead(text)
	if err != nil {
		return err
	}
	noBody := r.audience.headRead(h)
	return r.frame(h, noBody)
}

func parseHead(text string) (*head, error) {
	lines := strings.Split(text, "\r\n")
	h := &head{first: strings.SplitN(lines[0], " ", 3)}
	if len(h.first) < 3 || strings.ContainsAny(text, "\x00") {
		return nil, fmt.Errorf("start line %q", lines[0])
	}
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsAny(line, "\r\n") {
			return nil, fmt.Errorf("field line %q", line)
		}
		h.fields = append(h.fields, [2]string{name, strings.Trim(value, " \t")})
	}
	return h, nil
}

// frame finds where the body ends (RFC 9112 §6.3).
func (r *reader) frame(h *head, noBody bool) error {
	lengths, codings := h.count("Content-Length"), h.count("Transfer-Encoding")
	switch {
	case lengths+codings > 1:
		return fmt.Errorf("%d lengths and %d transfer codings", lengths, codings)
	case !r.requests && h.status() == 101:
		r.part = untilClose
	case !r.requests && h.status() < 200:
	case noBody:
		r.end()
	case codings == 1 && h.value("Transfer-Encoding") == "chunked":
		r.part = atSize
	case codings == 1:
		return fmt.Errorf("transfer coding %q", h.value("Transfer-Encoding"))
	case lengths == 1:
		n, err := strconv.ParseUint(h.value("Content-Length"), 10, 31)
		r.left, r.part = int(n), inLength
		return err
	case r.requests:
		r.end()
	default:
		r.part = untilClose
	}
	return nil
}

// readLine reads a line of chunked coding (RFC 9112 §7.1).
func (r *reader) readLine() error {
	at := bytes.IndexByte(r.buffer, '\n')
	if at < 0 {
		return nil
	}
	line, whole := strings.CutSuffix(string(r.buffer[:at]), "\r")
	r.buffer = r.buffer[at+1:]
	switch {
	case !whole:
		return fmt.Errorf("line without a carriage return: %q", line)
	case r.part == atSize:
		return r.readSize(line)
	case r.part == atChunkEnd && line != "":
		return fmt.Errorf("%q behind a chunk", line)
	case r.part == atChunkEnd:
		r.part = atSize
	case line == "":
		r.end()
	default:
		name, value, _ := strings.Cut(line, ":")
		r.trailers = append(r.trailers, [2]string{name, strings.TrimSpace(value)})
	}
	return nil
}

func (r *reader) readSize(line string) error {
	size, err := strconv.ParseUint(line, 16, 31)
	r.left, r.part = int(size), inChunk
	if size == 0 {
		r.part = inTrailers
	}
	return err
}
