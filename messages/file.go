package messages

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxFileBytes is the largest configuration file.
const MaxFileBytes = 1 << 20

// File is a configuration file, decoded. It is a JSON object. Only backends is required:
//
//	{
//	  "$schema": "lb.schema.json",
//	  "backends": [
//	    {"host": "10.0.0.1", "port": 9001},
//	    {"host": "app.internal", "port": 9002, "weight": 2, "max": 100},
//	    {"srv": "_http._tcp.app.internal"}
//	  ],
//	  "strategy": "weighted",
//	  "health": {"path": "/healthz", "interval": "5s", "status": "200-399"},
//	  "timeouts": {"connect": "5s", "response": "1m"},
//	  "limits": {"body_bytes": "10MiB", "connections": 10000},
//	  "listen": {"port": 8080}
//	}
//
// A backend has a host and a port, or an srv name. Its weight is 1 to MaxWeight, 1 when not given; max is how many
// exchanges run on it at a time. Port 443 means TLS unless "tls" says otherwise. The other keys are those of
// AllSettings; the JSON Schema that ConfigSchema returns tells all of them. Times are strings with a unit ("5s"),
// sizes whole numbers of bytes or strings with a unit ("32KiB").
type File struct {
	// Settings have their defaults where the file says nothing.
	Settings

	text  []byte
	given map[string]int // offsets of the values in text, by their paths
}

// Gives reports whether the file has a value of the path, such as "timeouts.connect" or "backends[0].tls".
func (f File) Gives(path string) bool {
	_, given := f.given[path]
	return given
}

// Place returns where the value of the path stands.
func (f File) Place(path string) Place { return placeOf(f.text, f.given[path]) }

// Fault makes an error about the value of the path.
func (f File) Fault(path string, err error) *FileError {
	return &FileError{Place: f.Place(path), Path: "$." + path, Err: err}
}

// DecodeConfig reads a configuration file. What it cannot understand to the last byte it refuses with a *FileError:
// an unknown key, a key that stands twice, a value of another type or out of range, two backends of one ID, a byte
// order mark, anything behind the end. The text must not be changed afterwards.
func DecodeConfig(text []byte) (File, error) {
	d := decoder{
		jsonReader: jsonReader{text: text, path: "$"},
		file:       File{Settings: DefaultSettings(), text: text, given: make(map[string]int)},
		seen:       make(map[string]int),
	}
	if len(text) > MaxFileBytes {
		return File{}, d.fault(MaxFileBytes, errors.New("the file is larger than 1 MiB"))
	}
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return File{}, d.fault(0, errors.New("the file begins with a byte order mark; it must be UTF-8 without one"))
		}
	}
	if err := d.decode(); err != nil {
		return File{}, err
	}
	return d.file, nil
}

// decoder fills a File from its text.
type decoder struct {
	jsonReader
	file File
	seen map[string]int // positions of the backends, by ID
}

func (d *decoder) decode() error {
	d.space()
	start := d.at
	if err := d.group(""); err != nil {
		return err
	}
	if err := d.end(); err != nil {
		return err
	}
	if !d.file.Gives("backends") {
		return d.fault(start, errors.New(`"backends" is missing`))
	}
	return nil
}

// group reads an object of settings. Prefix is "" or ends in a dot.
func (d *decoder) group(prefix string) error {
	outer := d.path
	return d.object(func(name string) error {
		path := prefix + name
		s, isSetting := FindSetting(path)
		switch {
		case strings.Contains(name, "."):
			return d.unknownKey(outer, name, nil)
		case path == "$schema":
			_, err := d.string()
			return err
		case path == "backends":
			d.file.given[path] = d.at
			return d.backends()
		case isSetting:
			d.file.given[path] = d.at
			return d.setting(s)
		case slices.Contains(keysUnder(""), path):
			return d.group(path + ".")
		}
		return d.unknownKey(outer, name, keysUnder(prefix))
	})
}

// keysUnder lists the keys of an object: of the file with prefix "", of timeouts with "timeouts.".
func keysUnder(prefix string) []string {
	var keys []string
	if prefix == "" {
		keys = append(keys, "$schema", "backends")
	}
	for _, s := range allSettings {
		rest, under := strings.CutPrefix(s.Path, prefix)
		key, _, _ := strings.Cut(rest, ".")
		if under && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// unknownKey is about the key itself, in the object of the path.
func (d *decoder) unknownKey(path, name string, known []string) error {
	text := "unknown key " + strconv.Quote(clip(name))
	if near := Nearest(name, known); near != "" {
		text += "; did you mean " + strconv.Quote(near) + "?"
	}
	return &FileError{Place: placeOf(d.text, d.key), Path: path, Err: errors.New(text)}
}

// setting reads one value.
func (d *decoder) setting(s Setting) error {
	at := d.at
	if s.Kind == List {
		return d.list(s)
	}
	word, err := d.word(s)
	if err != nil {
		return err
	}
	if s.Kind == Word && !slices.Contains(s.Words, word) {
		return d.fault(at, unknownWord(s.Path, word, s.Words))
	}
	if err := s.Read(&d.file.Settings, s.Path, word); err != nil {
		return d.fault(at, err)
	}
	return nil
}

// word reads a value as the text that a flag would have.
func (d *decoder) word(s Setting) (string, error) {
	switch s.Kind {
	case Time:
		if err := d.want(isString, ` such as "5s"`); err != nil {
			return "", err
		}
	case Count:
		n, err := d.whole(s.Least, s.Most)
		return strconv.Itoa(n), err
	case Switch:
		value, err := d.boolean()
		return strconv.FormatBool(value), err
	case Size:
		if kind, err := d.kind(); err != nil || kind == isNumber {
			return d.number()
		}
		if err := d.want(isString, ` such as "64KiB" or a number`); err != nil {
			return "", err
		}
	case Text, Word, List:
	}
	return d.string()
}

// list reads an array of strings, each of which has to be right by itself.
func (d *decoder) list(s Setting) error {
	var words []string
	err := d.array(func(int) error {
		at := d.at
		word, err := d.string()
		if err != nil {
			return err
		}
		alone := DefaultSettings()
		if err := s.Read(&alone, s.Path, word); err != nil {
			return d.fault(at, err)
		}
		words = append(words, word)
		return nil
	})
	if err != nil {
		return err
	}
	return s.Read(&d.file.Settings, s.Path, words...)
}

// whole reads a whole number within bounds.
func (d *decoder) whole(least, most int) (int, error) {
	at := d.at
	literal, err := d.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(literal)
	if err != nil || n < least || n > most || literal == "-0" {
		return 0, d.fault(at, fmt.Errorf("%s is not a whole number from %d to %d", clip(literal), least, most))
	}
	return n, nil
}
