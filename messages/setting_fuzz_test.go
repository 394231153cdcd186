package messages

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// FuzzSetting holds of each setting: what is taken is valid and can be shown and read again, and means the same; what is
// refused changes nothing, and is told in one short line.
func FuzzSetting(f *testing.F) {
	for i, s := range allSettings {
		f.Add(uint8(i), s.Show(DefaultSettings()))
		for _, word := range append([]string{
			"1h30m", "1.5s", "3kB", "0x10", "-1", "200-399", "header:X-Y", "cookie:a", "10.0.0.0/8 ::1/64", "[::1]", "é\n",
		}, s.Words...) {
			f.Add(uint8(i), word)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		s := allSettings[int(which)%len(allSettings)]
		read := func(text string) (Settings, error) {
			to := DefaultSettings()
			if s.Kind == List {
				return to, s.Read(&to, "the setting", strings.Fields(text)...)
			}
			return to, s.Read(&to, "the setting", text)
		}
		got, err := read(text)
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) || strings.ContainsAny(err.Error(), "\n\r\x1b") || len(err.Error()) > 2500 {
				t.Fatalf("%s %q: the error is not one short line: %q", s.Path, text, err)
			}
			if !reflect.DeepEqual(got, DefaultSettings()) {
				t.Fatalf("%s %q is refused, and taken: %+v", s.Path, text, got)
			}
			return
		}
		if err := got.Config.validateRest(); err != nil {
			t.Fatalf("%s %q is taken and is not valid: %v", s.Path, text, err)
		}
		again, err := read(s.Show(got))
		if err != nil || s.Show(again) != s.Show(got) || !reflect.DeepEqual(again, got) {
			t.Fatalf("%s %q is shown as %q, and that is read as %+v, %v", s.Path, text, s.Show(got), again, err)
		}
	})
}
