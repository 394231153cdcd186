package messages

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Place is a position in a text. Both numbers count from 1; a column is a character.
type Place struct{ Line, Column int }

// placeOf finds a byte offset. Bytes that are no UTF-8 count as a character each.
func placeOf(text []byte, offset int) Place {
	before := text[:min(offset, len(text))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	return Place{line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1}
}

// FileError says what is wrong in a configuration file, and where.
type FileError struct {
	Place
	// Path is what it is about, as JSONPath (RFC 9535): "$.backends[0].port".
	Path string
	// Err is an *InvalidError when a value has the right type and cannot be used.
	Err error
}

// Error is one line: `line 3, column 14: $.timeouts.idle "0s": must be 1ms to 720h`.
func (e *FileError) Error() string {
	var invalid *InvalidError
	if errors.As(e.Err, &invalid) {
		about := *invalid
		about.Subject = e.Path
		return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, &about)
	}
	return fmt.Sprintf("line %d, column %d: %s: %v", e.Line, e.Column, e.Path, e.Err)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }
