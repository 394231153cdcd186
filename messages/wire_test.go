package messages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"
	"time"
)

// populate gives every field a value of its own, so that one which the encoding forgets shows. A field that it cannot
// fill is one that the encoding would lose: unexported ones, channels, functions.
func populate(t testing.TB, v reflect.Value, next *int) {
	t.Helper()
	*next++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(*next), 5).UTC()))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(*next)})))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.IPv6LinkLocalAllNodes(), uint16(*next))))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(*next)}), 32)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*next))
	case reflect.Uint8:
		v.SetUint(uint64(*next % 251))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*next % 65521))
	case reflect.Float64:
		v.SetFloat(float64(*next))
	case reflect.String:
		v.SetString(fmt.Sprintf("word \x01 %d", *next))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		populate(t, v.Elem(), next)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			populate(t, v.Index(i), next)
		}
	case reflect.Array:
		for i := range v.Len() {
			populate(t, v.Index(i), next)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		populate(t, key, next)
		populate(t, value, next)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				t.Fatalf("%s.%s is lost on the wire: it is not exported", v.Type(), v.Type().Field(i).Name)
			}
			populate(t, v.Field(i), next)
		}
	default:
		t.Fatalf("a %s is lost on the wire", v.Type())
	}
}

func filled(t testing.TB, of reflect.Type) any {
	t.Helper()
	next := 0
	v := reflect.New(of).Elem()
	populate(t, v, &next)
	return v.Interface()
}

func TestEachValueCrossesTheWireWhole(t *testing.T) {
	for kind, of := range wireValues {
		want := filled(t, of)
		wire, err := AppendFrame(nil, want)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		got, err := ReadFrame(iotest.OneByteReader(bytes.NewReader(wire)))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", kind, got, err, want)
		}
	}
}

func TestFramesFollowEachOther(t *testing.T) {
	wire, err := AppendFrame(nil, Beat{1})
	if err == nil {
		wire, err = AppendFrame(wire, Beat{2})
	}
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(wire)
	for _, want := range []any{Beat{1}, Beat{2}} {
		if got, err := ReadFrame(r); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if _, err := ReadFrame(r); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// A process of another version is handed over nothing that it does not know.
func TestReadySaysWhatANewProcessTakes(t *testing.T) {
	now := NewReady()
	if want := []string{"connections_moved", "tunnel_moved"}; !slices.Equal(now.Takes, want) || !now.TakesAll() {
		t.Errorf("takes %q, want %q", now.Takes, want)
	}
	for _, r := range []Ready{{}, {Takes: now.Takes[:1]}, {Takes: now.Takes[1:]}} {
		if r.TakesAll() {
			t.Errorf("who takes %q takes all", r.Takes)
		}
	}
	if newer := (Ready{Takes: append(now.Takes, "streams_moved")}); !newer.TakesAll() {
		t.Errorf("who takes %q does not take all", newer.Takes)
	}
}

func framed(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func TestUnknownKindsAndFieldsAreOfANewerVersion(t *testing.T) {
	if got, err := ReadFrame(bytes.NewReader(framed(`{"kind":"hymn","value":{}}`))); got != nil || err != nil {
		t.Errorf("an unknown kind: %v, %v", got, err)
	}
	got, err := ReadFrame(bytes.NewReader(framed(`{"kind":"beat","value":{"Number":4,"Tune":"a"}}`)))
	if err != nil || got != (Beat{4}) {
		t.Errorf("an unknown field: %v, %v", got, err)
	}
}

func TestWhatIsNoFrameIsRefused(t *testing.T) {
	for name, wire := range map[string][]byte{
		"no JSON":     framed(`{"kind":`),
		"wrong type":  framed(`{"kind":"beat","value":{"Number":"x"}}`),
		"cut short":   framed(`{"kind":"beat","value":{}}`)[:9],
		"far too big": {0xff, 0xff, 0xff, 0xff},
	} {
		if got, err := ReadFrame(bytes.NewReader(wire)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := AppendFrame(nil, struct{}{}); !errors.Is(err, ErrFrame) {
		t.Errorf("a type that is not carried: %v", err)
	}
	if _, err := AppendFrame(nil, Page{Body: make([]byte, MaxFrame)}); !errors.Is(err, ErrFrame) {
		t.Errorf("a value that is too big: %v", err)
	}
}
