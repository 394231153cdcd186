package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShortenLeavesShortLinesAlone(t *testing.T) {
	line := `{"message":"` + strings.Repeat("a", maxLine-len(`{"message":""}`)-1) + `"}` + "\n"
	if got := shorten([]byte(line), maxLine); string(got) != line {
		t.Errorf("a line of exactly %d bytes was changed", len(line))
	}
}

func TestShortenCutsTheLongestValues(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
	}{
		{
			"one string",
			`{"level":"info","path":"` + strings.Repeat("x", 300) + `","message":"m"}`,
			`{"level":"info","path":"` + strings.Repeat("x", 138) + `…","message":"m","cut":159}`,
		},
		{
			"not inside an escape sequence",
			`{"path":"` + strings.Repeat(`\u001b`, 60) + `"}`,
			`{"path":"` + strings.Repeat(`\u001b`, 27) + `…","cut":195}`,
		},
		{
			"not inside a character",
			`{"path":"` + strings.Repeat(`é`, 120) + `"}`,
			`{"path":"` + strings.Repeat(`é`, 83) + `…","cut":71}`,
		},
		{
			"an array as a whole",
			`{"list":[` + strings.Repeat(`1,`, 150) + `1],"message":"m"}`,
			`{"list":"…","message":"m","cut":298}`,
		},
		{
			"what is no JSON",
			strings.Repeat("no", 150),
			`{"level":"error","message":"a log line was not JSON","cut":247}`,
		},
	} {
		got := strings.TrimSuffix(string(shorten([]byte(c.in+"\n"), 200)), "\n")
		if got != c.want {
			t.Errorf("%s:\ngot  %s (%d)\nwant %s", c.name, got, len(got), c.want)
		}
	}
}

// Whatever is logged: a line within the limit, valid JSON and UTF-8, ended by the only line break.
func FuzzShorten(f *testing.F) {
	f.Add("path", strings.Repeat("a\n\x00é😀", 90), 30)
	f.Add(strings.Repeat("k", 400), "", 1)
	f.Fuzz(func(t *testing.T, key, value string, fields int) {
		const limit = 256
		object := []string{}
		for range max(1, min(fields, 40)) {
			k, errKey := json.Marshal(key)
			v, errValue := json.Marshal(value)
			if errKey != nil || errValue != nil {
				t.Skip("JSON has no such string")
			}
			object = append(object, string(k)+":"+string(v))
		}
		got := string(shorten([]byte("{"+strings.Join(object, ",")+"}\n"), limit))
		if len(got) > limit || !json.Valid([]byte(got)) || !utf8.ValidString(got) || strings.Index(got, "\n") != len(got)-1 {
			t.Fatalf("%d bytes: %q", len(got), got)
		}
	})
}
