package tests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// message is one HTTP/1.1 message as it came over the wire. Reading one is stricter than the RFC: what lb sends must be
// canonical, so anything else is an error.
type message struct {
	start    string   // request line or status line
	fields   []string // field lines, as written
	framing  string   // of the body: none, length, chunked or close
	body     []byte
	trailers []string
}

// errNotCanonical marks a message that its reader would have to interpret.
var errNotCanonical = errors.New("not canonical")

var (
	startLine = regexp.MustCompile(`^([!-~]+ [!-~\x80-\xff]+ HTTP/1\.1|HTTP/1\.[01] [1-9][0-9][0-9] .*)$`)
	fieldLine = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?([^\\x00-\\x08\\x0a-\\x1f\\x7f]*)$")
	chunkLine = regexp.MustCompile(`^(0|[1-9a-fA-F][0-9a-fA-F]*)$`)
)

// readMessage reads a request, or the response to a request with the method. With an error it returns what it had; at
// the end of the input, before the first byte, that is io.EOF and nil.
func readMessage(r *bufio.Reader, method string) (*message, error) {
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	m := new(message)
	line, err := readLine(r)
	if err != nil {
		return m, err
	}
	m.start = line
	if !startLine.MatchString(line) {
		return m, fmt.Errorf("%w: start line %q", errNotCanonical, line)
	}
	if m.fields, err = readFields(r); err != nil {
		return m, err
	}
	m.framing = m.framingOf(method)
	return m, m.readBody(r)
}

// readLine reads up to CRLF and refuses a bare CR or LF.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return line, cut(err)
	}
	line, found := strings.CutSuffix(line, "\r\n")
	if !found || strings.ContainsAny(line, "\r\n") {
		return line, fmt.Errorf("%w: line end of %q", errNotCanonical, line)
	}
	return line, nil
}

// cut makes an orderly end in the middle of a message the error that it is.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func readFields(r *bufio.Reader) (fields []string, err error) {
	for {
		line, err := readLine(r)
		if err != nil || line == "" {
			return fields, err
		}
		if !fieldLine.MatchString(line) {
			return fields, fmt.Errorf("%w: field line %q", errNotCanonical, line)
		}
		fields = append(fields, line)
	}
}

// field is the value of the first field of the name, and whether there is one.
func (m *message) field(name string) (value string, found bool) {
	for _, line := range m.fields {
		n, v, _ := strings.Cut(line, ":")
		if strings.EqualFold(n, name) {
			return strings.Trim(v, " \t"), true
		}
	}
	return "", false
}

// String is the message for a failed test's reader.
func (m *message) String() string {
	if m == nil {
		return "no message"
	}
	return fmt.Sprintf("%q %q body (%s) %.200q trailers %q", m.start, m.fields, m.framing, m.body, m.trailers)
}

// status of a response; 0 for a request, and for what is neither.
func (m *message) status() int {
	if !strings.HasPrefix(m.start, "HTTP/1.") || len(m.start) < len("HTTP/1.1 200") {
		return 0
	}
	n, _ := strconv.Atoi(m.start[9:12])
	return n
}

// target of a request.
func (m *message) target() string { return strings.Split(m.start, " ")[1] }

// framingOf follows RFC 9112 §6.3.
func (m *message) framingOf(method string) string {
	status := m.status()
	_, length := m.field("Content-Length")
	_, chunked := m.field("Transfer-Encoding")
	switch {
	case status != 0 && (method == "HEAD" || status < 200 || status == 204 || status == 304):
		return "none"
	case chunked:
		return "chunked"
	case length:
		return "length"
	case status != 0:
		return "close"
	}
	return "none"
}

func (m *message) readBody(r *bufio.Reader) (err error) {
	switch m.framing {
	case "length":
		value, _ := m.field("Content-Length")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%w: length %q", errNotCanonical, value)
		}
		return m.readBytes(r, n)
	case "chunked":
		if coding, _ := m.field("Transfer-Encoding"); coding != "chunked" {
			return fmt.Errorf("%w: coding %q", errNotCanonical, coding)
		}
		return m.readChunks(r)
	case "close":
		m.body, err = io.ReadAll(r)
	}
	return err
}

func (m *message) readBytes(r io.Reader, n int64) error {
	var b bytes.Buffer
	_, err := io.CopyN(&b, r, n)
	m.body = append(m.body, b.Bytes()...)
	return cut(err)
}

func (m *message) readChunks(r *bufio.Reader) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(line, 16, 64)
		if err != nil || !chunkLine.MatchString(line) {
			return fmt.Errorf("%w: chunk head %q", errNotCanonical, line)
		}
		if size == 0 {
			m.trailers, err = readFields(r)
			return err
		}
		if err := m.readBytes(r, size); err != nil {
			return err
		}
		if line, err = readLine(r); err != nil || line != "" {
			return cmpError(err, fmt.Errorf("%w: chunk end %q", errNotCanonical, line))
		}
	}
}

func cmpError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// hasToken reports whether the comma-separated field lists the word.
func (m *message) hasToken(name, word string) bool {
	value, _ := m.field(name)
	for _, element := range strings.Split(value, ",") {
		if strings.EqualFold(strings.TrimSpace(element), word) {
			return true
		}
	}
	return false
}
