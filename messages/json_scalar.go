package messages

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string (RFC 8259 §7).
func (r *jsonReader) string() (string, error) {
	if err := r.want(isString, ""); err != nil {
		return "", err
	}
	start := r.at
	r.at++
	var out []byte
	for r.at < len(r.text) {
		c, width := utf8.DecodeRune(r.text[r.at:])
		switch {
		case c == '"':
			r.at++
			return string(out), nil
		case c == '\\':
			escaped, err := r.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, escaped)
			continue
		case c == '\n' || c == '\r':
			return "", r.fault(start, errors.New("a string that does not end on its line"))
		case c < ' ':
			return "", r.fault(r.at, errors.New("a control character in a string"))
		case c == utf8.RuneError && width == 1:
			return "", r.fault(r.at, errors.New("a byte that is not UTF-8"))
		}
		out = append(out, r.text[r.at:r.at+width]...)
		r.at += width
	}
	return "", r.fault(start, errors.New("a string that does not end"))
}

// escapes are those of one letter.
var escapes = map[byte]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape reads what begins with a backslash. Half of a surrogate pair is no character, and is refused.
func (r *jsonReader) escape() (rune, error) {
	start := r.at
	r.at++
	if r.at == len(r.text) {
		return 0, r.fault(start, errors.New("a string that does not end"))
	}
	c := r.text[r.at]
	if plain, known := escapes[c]; known {
		r.at++
		return plain, nil
	}
	if c != 'u' {
		return 0, r.fault(start, errors.New("an unknown escape in a string"))
	}
	first, ok := r.hex()
	if ok && utf16.IsSurrogate(first) {
		var second rune
		if ok = bytes.HasPrefix(r.text[r.at:], []byte(`\u`)); ok {
			r.at++
			second, ok = r.hex()
		}
		first = utf16.DecodeRune(first, second)
		ok = ok && first != utf8.RuneError
	}
	if !ok {
		return 0, r.fault(start, errors.New(`\u without the four hexadecimal digits of a character`))
	}
	return first, nil
}

// hex reads the u of an escape and four digits.
func (r *jsonReader) hex() (rune, bool) {
	const length = len("uXXXX")
	if len(r.text)-r.at < length {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.text[r.at+1:r.at+length]), 16, 16)
	r.at += length
	return rune(n), err == nil
}

// number reads a number (RFC 8259 §6) and returns it as it is written.
func (r *jsonReader) number() (string, error) {
	if err := r.want(isNumber, ""); err != nil {
		return "", err
	}
	start := r.at
	if r.text[r.at] == '-' {
		r.at++
	}
	leading := r.at
	good := r.digits()
	if good && r.text[leading] == '0' && r.at > leading+1 {
		return "", r.fault(start, errors.New("a number that begins with 0"))
	}
	if good && r.accept(".") {
		good = r.digits()
	}
	if good && r.accept("eE") {
		r.accept("+-")
		good = r.digits()
	}
	if !good {
		return "", r.fault(start, errors.New("a number that does not end"))
	}
	return string(r.text[start:r.at]), nil
}

func (r *jsonReader) digits() bool {
	start := r.at
	for r.at < len(r.text) && isDigit(r.text[r.at]) {
		r.at++
	}
	return r.at > start
}

func (r *jsonReader) accept(any string) bool {
	if r.at == len(r.text) || bytes.IndexByte([]byte(any), r.text[r.at]) < 0 {
		return false
	}
	r.at++
	return true
}

// boolean reads true or false.
func (r *jsonReader) boolean() (bool, error) {
	if err := r.want(isBoolean, ""); err != nil {
		return false, err
	}
	for _, word := range []string{"true", "false"} {
		if bytes.HasPrefix(r.text[r.at:], []byte(word)) {
			r.at += len(word)
			return word == "true", nil
		}
	}
	return false, r.fault(r.at, errors.New("neither true nor false"))
}

// found names what stands at the present position.
func (r *jsonReader) found() string {
	if r.at >= len(r.text) {
		return "the end of the file"
	}
	c, width := utf8.DecodeRune(r.text[r.at:])
	if c == utf8.RuneError && width == 1 {
		return "a byte that is not UTF-8"
	}
	return strconv.QuoteRune(c)
}
