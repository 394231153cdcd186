package messages

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// A field of Config or Listen that no file and no flag can set would be a mistake that nobody sees.
func TestEachFieldHasASetting(t *testing.T) {
	var walk func(path string, v reflect.Value)
	changed := DefaultSettings()
	walk = func(path string, v reflect.Value) {
		if v.Kind() == reflect.Struct && v.NumField() > 0 && v.Type().Field(0).IsExported() {
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
			return
		}
		before := fmt.Sprint(shows(changed))
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		v.Set(other(t, path, v))
		if path != ".Config.Backends" && fmt.Sprint(shows(changed)) == before {
			t.Errorf("no setting shows %s", path)
		}
		v.Set(old)
	}
	walk("", reflect.ValueOf(&changed).Elem())
}

// other returns another value of the same type.
func other(t *testing.T, path string, v reflect.Value) reflect.Value {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(v.String() + "x").Convert(v.Type())
	case reflect.Bool:
		return reflect.ValueOf(!v.Bool())
	case reflect.Int, reflect.Int64:
		return reflect.ValueOf(v.Int() + 1).Convert(v.Type())
	case reflect.Uint8, reflect.Uint16:
		return reflect.ValueOf(v.Uint() + 1).Convert(v.Type())
	case reflect.Slice:
		return reflect.MakeSlice(v.Type(), 1, 1)
	case reflect.Struct:
		return reflect.Zero(v.Type())
	}
	t.Fatalf("%s is of a kind that this test does not know: %v", path, v.Kind())
	return v
}

func shows(s Settings) (values []string) {
	for _, setting := range allSettings {
		values = append(values, setting.Path+"="+setting.Show(s))
	}
	return values
}

// What is shown reads back to the same value, for each setting, and can be taken over.
func TestSettingsReadWhatTheyShow(t *testing.T) {
	f, err := DecodeConfig([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	read, taken := DefaultSettings(), DefaultSettings()
	for _, s := range allSettings {
		words := []string{s.Show(f.Settings)}
		if s.Kind == List {
			words = strings.Fields(words[0])
		}
		if err := s.Read(&read, s.Path, words...); err != nil {
			t.Errorf("%s does not read %q: %v", s.Path, words, err)
		}
		s.Take(&taken, f.Settings)
	}
	read.Config.Backends, taken.Config.Backends = f.Config.Backends, f.Config.Backends
	if !reflect.DeepEqual(read, f.Settings) || !reflect.DeepEqual(taken, f.Settings) {
		t.Errorf("read  %+v\ntaken %+v\nwant  %+v", read, taken, f.Settings)
	}
}

func TestSettingThatCannotBeReadChangesNothing(t *testing.T) {
	for path, word := range map[string]string{
		"strategy": "rnd", "timeouts.idle": "0s", "limits.header_bytes": "1", "health.fail_open": "maybe",
		"health.status": "600", "trusted_proxies": "10/8", "listen.port": "65536", "hash_key": "client:x",
	} {
		s, known := FindSetting(path)
		if !known {
			t.Fatalf("%s is no setting", path)
		}
		got := DefaultSettings()
		err := s.Read(&got, "--flag", word)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Subject != "--flag" || invalid.Word != word {
			t.Errorf("%s %q: %v", path, word, err)
		}
		if !reflect.DeepEqual(got, DefaultSettings()) {
			t.Errorf("%s %q changed something", path, word)
		}
	}
}
