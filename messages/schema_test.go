package messages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const schemaFile = "config.schema.json"

// Rewrite the file by UPDATE=1 go test ./messages -run Schema.
func TestSchemaFileIsFresh(t *testing.T) {
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(schemaFile, ConfigSchema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	checkedIn, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(checkedIn, ConfigSchema()) {
		t.Errorf("%s is not what ConfigSchema returns (%v)", schemaFile, err)
	}
}

func theSchema(t testing.TB) *schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal(ConfigSchema(), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// fault is what makes a value invalid by a schema, or "": the keywords that ours has (JSON Schema Validation §6).
func (s *schema) fault(path string, value any) string {
	switch v := value.(type) {
	case map[string]any:
		return s.objectFault(path, v)
	case []any:
		return s.arrayFault(path, v)
	case string:
		switch {
		case !s.allows("string"):
			return path + ": a string"
		case s.Enum != nil && !slices.Contains(s.Enum, v):
			return path + ": not in enum"
		case s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v):
			return path + ": pattern"
		}
	case float64:
		switch {
		case !s.allows("integer") || v != float64(int64(v)):
			return path + ": a number"
		case s.Minimum != nil && v < float64(*s.Minimum), s.Maximum != nil && v > float64(*s.Maximum):
			return path + ": out of range"
		}
	case bool:
		if !s.allows("boolean") {
			return path + ": a boolean"
		}
	default:
		return path + ": null"
	}
	return ""
}

func (s *schema) allows(kind string) bool {
	if list, several := s.Type.([]any); several {
		return slices.Contains(list, any(kind))
	}
	return s.Type == kind
}

func (s *schema) objectFault(path string, object map[string]any) string {
	if !s.allows("object") {
		return path + ": an object"
	}
	for key, value := range object {
		if s.Properties[key] == nil {
			return path + ": additional " + key
		}
		if fault := s.Properties[key].fault(path+"."+key, value); fault != "" {
			return fault
		}
	}
	has := func(keys []string) bool {
		return !slices.ContainsFunc(keys, func(key string) bool { return object[key] == nil })
	}
	matching := 0
	for _, r := range s.OneOf {
		if has(r.Required) {
			matching++
		}
	}
	if !has(s.Required) || s.OneOf != nil && matching != 1 {
		return path + ": required"
	}
	return ""
}

func (s *schema) arrayFault(path string, array []any) string {
	if !s.allows("array") || len(array) < s.MinItems || s.MaxItems > 0 && len(array) > s.MaxItems {
		return path + ": array"
	}
	for i, value := range array {
		if fault := s.Items.fault(fmt.Sprintf("%s[%d]", path, i), value); fault != "" {
			return fault
		}
	}
	return ""
}

// The bounds that the schema names are those of the decoder.
func TestSchemaBoundsAreTrue(t *testing.T) {
	for _, s := range allSettings {
		if s.Kind != Count {
			continue
		}
		for n, want := range map[int]bool{s.Least - 1: false, s.Least: true, s.Most: true, s.Most + 1: false} {
			settings := DefaultSettings()
			if err := s.Read(&settings, s.Path, fmt.Sprint(n)); (err == nil) != want {
				t.Errorf("%s %d: %v", s.Path, n, err)
			}
		}
	}
}

func TestSchemaOfAFileThatSaysEverything(t *testing.T) {
	var value any
	if err := json.Unmarshal([]byte(everything), &value); err != nil {
		t.Fatal(err)
	}
	if fault := theSchema(t).fault("$", value); fault != "" {
		t.Error(fault)
	}
	for spoiled, want := range map[string]string{
		`{}`:                              "$: required",
		`{"backends":[]}`:                 "$.backends: array",
		`{` + one + `,"x":1}`:             "$: additional x",
		`{` + one + `,"strategy":"x"}`:    "$.strategy: not in enum",
		`{"backends":[{"host":"a"}]}`:     "$.backends[0]: required",
		`{"backends":[{"port":70000}]}`:   "$.backends[0].port: out of range",
		`{"timeouts":{"idle":"5"}}`:       "$.timeouts.idle: pattern",
		`{"limits":{"body_bytes":"1TB"}}`: "$.limits.body_bytes: pattern",
	} {
		var value any
		if err := json.Unmarshal([]byte(spoiled), &value); err != nil {
			t.Fatal(err)
		}
		if got := theSchema(t).fault("$", value); got != want {
			t.Errorf("%s: %q, want %q", spoiled, got, want)
		}
	}
}

// Whatever the bytes: a file that is taken is JSON, valid by the schema and by Validate; one that is refused is refused in
// one short line, with a place inside the text.
func FuzzDecodeConfig(f *testing.F) {
	f.Add([]byte(everything))
	for _, seed := range []string{
		`{` + one + `}`, `{"backends":[{"srv":"_http._tcp.a"}],"timeouts":{"idle":"1.5h"}}`, "\xef\xbb\xbf{}",
		`{` + one + `,"limits":{"body_bytes":"3kB","header_bytes":2048}}`, `{"a":"\ud83d\ude00"}`,
	} {
		f.Add([]byte(seed))
	}
	rules := theSchema(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := DecodeConfig(in)
		if err != nil {
			var fault *FileError
			if !errors.As(err, &fault) || strings.ContainsAny(err.Error(), "\n\r\x1b") || len(err.Error()) > 2500 {
				t.Fatalf("%q: error is not one short line: %q", in, err)
			}
			lines := bytes.Split(in, []byte{'\n'})
			if fault.Line < 1 || fault.Line > len(lines) || fault.Column < 1 ||
				fault.Column > utf8.RuneCount(lines[fault.Line-1])+1 || !strings.HasPrefix(fault.Path, "$") {
				t.Fatalf("%q: no such place: %v", in, err)
			}
			return
		}
		var value any
		if err := json.Unmarshal(in, &value); err != nil {
			t.Fatalf("%q was taken and is no JSON: %v", in, err)
		}
		if fault := rules.fault("$", value); fault != "" {
			t.Fatalf("%q was taken and is not valid by the schema: %s", in, fault)
		}
		if err := file.Config.Validate(); err != nil {
			t.Fatalf("%q was taken and is not valid: %v", in, err)
		}
	})
}
