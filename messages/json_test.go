package messages

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// value reads any value, as encoding/json does into an any.
func (r *jsonReader) value() (any, error) {
	kind, err := r.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case isObject:
		object := make(map[string]any)
		err := r.object(func(name string) (err error) {
			object[name], err = r.value()
			return err
		})
		return object, err
	case isArray:
		array := []any{}
		err := r.array(func(int) error {
			item, err := r.value()
			array = append(array, item)
			return err
		})
		return array, err
	case isString:
		return r.string()
	case isNumber:
		literal, err := r.number()
		return json.Number(literal), err
	case isBoolean:
		return r.boolean()
	}
	if !strings.HasPrefix(string(r.text[r.at:]), "null") {
		return nil, r.fault(r.at, errNotNull)
	}
	r.at += len("null")
	return nil, nil
}

var errNotNull = &InvalidError{Why: "not null"}

// The reader takes what encoding/json takes, and understands the same; but for what it refuses on purpose.
func FuzzJSONReader(f *testing.F) {
	for _, seed := range []string{
		everything, `[1,-0.5e+3,"\u00e9\ud83d\ude00\n",true,false,null,{},[]]`, `{"a":{"b":[{}]}} `, `"\ud800"`, `[01]`, `[1,]`,
		`{"a":1,"a":2}`, `-`, `1.`, `1e`, "\"\x7f\"", "nul", "{\"a\":}", `["\u12`, "\"\xff\"", `{"a" :1 ,"b":2}`, `[1 2]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := jsonReader{text: in, path: "$"}
		got, err := r.value()
		if err == nil {
			err = r.end()
		}
		if err != nil {
			if json.Valid(in) && !refusedOnPurpose(in, err) {
				t.Fatalf("%q is JSON and was refused: %v", in, err)
			}
			return
		}
		decoder := json.NewDecoder(strings.NewReader(string(in)))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q was taken and is no JSON: %v", in, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %v, want %v", in, got, want)
		}
	})
}

func refusedOnPurpose(in []byte, err error) bool {
	text := err.Error()
	return strings.Contains(text, "stands twice") || !utf8.Valid(in) && strings.Contains(text, "not UTF-8") ||
		strings.Contains(text, "hexadecimal digits of a character")
}
