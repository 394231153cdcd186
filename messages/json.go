package messages

import (
	"errors"
	"fmt"
	"strconv"
)

// jsonReader reads JSON text (RFC 8259) value by value. It is stricter than encoding/json: a name may stand once in
// an object, text must be valid UTF-8 and escapes whole characters. Its errors are *FileError. What the caller does
// not ask for is not read, so that no depth of nesting has to be limited.
type jsonReader struct {
	text []byte
	at   int
	path string // of the value that is read, as JSONPath
	key  int    // where the key begins that was read last
}

func (r *jsonReader) fault(at int, err error) error {
	return &FileError{Place: placeOf(r.text, at), Path: r.path, Err: err}
}

// What a value looks like from its first byte.
const (
	isObject  = "an object"
	isArray   = "an array"
	isString  = "a string"
	isNumber  = "a number"
	isBoolean = "true or false"
	isNull    = "null"
)

// kind tells what value comes next.
func (r *jsonReader) kind() (string, error) {
	r.space()
	if r.at == len(r.text) {
		return "", r.fault(r.at, errors.New("the file ends where a value should be"))
	}
	switch c := r.text[r.at]; c {
	case '{':
		return isObject, nil
	case '[':
		return isArray, nil
	case '"':
		return isString, nil
	case 't', 'f':
		return isBoolean, nil
	case 'n':
		return isNull, nil
	default:
		if c == '-' || isDigit(c) {
			return isNumber, nil
		}
	}
	return "", r.fault(r.at, fmt.Errorf("%s where a value should be", r.found()))
}

// want reports a value of another kind than the named one.
func (r *jsonReader) want(kind, example string) error {
	found, err := r.kind()
	if err != nil || found == kind {
		return err
	}
	return r.fault(r.at, fmt.Errorf("must be %s%s, not %s", kind, example, found))
}

// object reads an object. member has to read the value of each name.
func (r *jsonReader) object(member func(name string) error) error {
	if err := r.want(isObject, ""); err != nil {
		return err
	}
	r.at++
	if r.next('}') {
		return nil
	}
	seen := make(map[string]bool)
	for {
		if err := r.member(seen, member); err != nil {
			return err
		}
		switch {
		case r.next('}'):
			return nil
		case !r.next(','):
			return r.fault(r.at, fmt.Errorf("%s where a comma or } should be", r.found()))
		}
	}
}

func (r *jsonReader) member(seen map[string]bool, read func(name string) error) error {
	r.space()
	at := r.at
	if r.at == len(r.text) || r.text[r.at] != '"' {
		return r.fault(at, fmt.Errorf("%s where a key in quotes should be", r.found()))
	}
	name, err := r.string()
	if err != nil {
		return err
	}
	if seen[name] {
		return r.fault(at, fmt.Errorf("key %s stands twice", strconv.Quote(clip(name))))
	}
	seen[name], r.key = true, at
	if !r.next(':') {
		return r.fault(r.at, fmt.Errorf("%s where a colon should be", r.found()))
	}
	r.space()
	return r.inside(pathStep(name), func() error { return read(name) })
}

// array reads an array. item has to read each value.
func (r *jsonReader) array(item func(i int) error) error {
	if err := r.want(isArray, ""); err != nil {
		return err
	}
	r.at++
	if r.next(']') {
		return nil
	}
	for i := 0; ; i++ {
		r.space()
		if err := r.inside("["+strconv.Itoa(i)+"]", func() error { return item(i) }); err != nil {
			return err
		}
		switch {
		case r.next(']'):
			return nil
		case !r.next(','):
			return r.fault(r.at, fmt.Errorf("%s where a comma or ] should be", r.found()))
		}
	}
}

func (r *jsonReader) inside(step string, read func() error) error {
	outer := r.path
	r.path += step
	err := read()
	r.path = outer
	return err
}

// end reports what follows the value that is the whole text.
func (r *jsonReader) end() error {
	if r.space(); r.at < len(r.text) {
		return r.fault(r.at, fmt.Errorf("%s after the end of the value", r.found()))
	}
	return nil
}

// next takes one byte if it comes next.
func (r *jsonReader) next(c byte) bool {
	r.space()
	if r.at == len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// pathStep is the step to a member in JSONPath (RFC 9535 §2.5.1).
func pathStep(name string) string {
	plain := name != "" && len(name) <= 40 && !isDigit(name[0])
	for _, c := range []byte(name) {
		plain = plain && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || isDigit(c))
	}
	if plain {
		return "." + name
	}
	return "[" + strconv.Quote(clip(name)) + "]"
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
