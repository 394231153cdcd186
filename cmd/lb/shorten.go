package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// maxLine is PIPE_BUF: a longer line may be torn apart by another process that writes to the same pipe.
const maxLine = 4096

const (
	ellipsis = "…"
	// shortValue bytes of a value tell what it was; a field of less is dropped whole.
	shortValue = 64
	// cutField is room for the field that says how many bytes are missing.
	cutField = len(`,"cut":1234567890}` + "\n")
)

// field is one member of a JSON object, both parts as they are written.
type field struct{ key, value []byte }

func (f field) size() int { return len(f.key) + len(f.value) + len(":,") }

// shorten returns a JSON object of at most limit bytes, line end included. A line over it loses the ends of its longest
// values, marked by "…", and gets a field "cut" with the number of bytes gone; it stays valid JSON with its fields in
// order. Lines within it are returned as they are.
func shorten(line []byte, limit int) []byte {
	if len(line) <= limit {
		return line
	}
	fields, err := fieldsOf(line)
	if err != nil {
		fields = []field{{[]byte(`"level"`), []byte(`"error"`)}, {[]byte(`"message"`), []byte(`"a log line was not JSON"`)}}
	}
	for excess := sizeOf(fields) - (limit - cutField); excess > 0; excess = sizeOf(fields) - (limit - cutField) {
		i := largest(fields)
		if value := fields[i].value; len(value) > shortValue {
			fields[i].value = cutValue(value, max(shortValue, len(value)-excess))
		} else {
			fields = append(fields[:i], fields[i+1:]...)
		}
	}
	return join(fields, len(bytes.TrimSuffix(line, []byte("\n")))-sizeOf(fields))
}

func fieldsOf(line []byte) ([]field, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	var fields []field
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		quoted, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{quoted, value})
	}
	return fields, nil
}

func sizeOf(fields []field) int {
	size := len("{")
	for _, f := range fields {
		size += f.size()
	}
	return size
}

func largest(fields []field) int {
	at := 0
	for i, f := range fields {
		if f.size() > fields[at].size() {
			at = i
		}
	}
	return at
}

// cutValue keeps at most the given number of bytes of a JSON value: the beginning of a string, nothing of all else.
func cutValue(value []byte, keep int) []byte {
	if value[0] != '"' {
		return []byte(`"` + ellipsis + `"`)
	}
	end := 1
	for room := keep - len(ellipsis+`"`); end < room; {
		step := elementSize(value[end:])
		if end+step > room {
			break
		}
		end += step
	}
	return append(bytes.Clone(value[:end]), ellipsis+`"`...)
}

// elementSize is the length of the first character or escape sequence of a JSON string (RFC 8259 §7).
func elementSize(s []byte) int {
	if s[0] != '\\' {
		_, size := utf8.DecodeRune(s)
		return size
	}
	if len(s) > 1 && s[1] == 'u' {
		return len(`\u0000`)
	}
	return len(`\n`)
}

func join(fields []field, gone int) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, f := range fields {
		b.Write(f.key)
		b.WriteByte(':')
		b.Write(f.value)
		b.WriteByte(',')
	}
	b.WriteString(`"cut":` + strconv.Itoa(gone) + "}\n")
	return b.Bytes()
}
