package messages

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
)

// The wire encoding carries values of this package between processes of lb: four bytes with the length of what follows,
// big-endian, then a JSON object of the value's kind and the value itself. It is JSON because an old and a new version
// of lb speak it to each other at an upgrade: fields that one of them does not know are ignored.

// MaxFrame bounds a value on the wire, in bytes: a Snapshot of MaxBackends fits in several times.
const MaxFrame = 16 << 20

// frameHead is the size of the length.
const frameHead = 4

// ErrFrame is wrapped by the errors about values that cannot be carried.
var ErrFrame = errors.New("not a value for the wire")

// wireValues are all that the wire carries, by their kinds.
var wireValues = map[string]reflect.Type{
	"snapshot":          reflect.TypeFor[*Snapshot](),
	"outcome":           reflect.TypeFor[Outcome](),
	"drain":             reflect.TypeFor[Drain](),
	"drained":           reflect.TypeFor[Drained](),
	"appointed":         reflect.TypeFor[Appointed](),
	"serving":           reflect.TypeFor[Serving](),
	"emptied":           reflect.TypeFor[Emptied](),
	"beat":              reflect.TypeFor[Beat](),
	"alive":             reflect.TypeFor[Alive](),
	"lend":              reflect.TypeFor[Lend](),
	"accept":            reflect.TypeFor[Accept](),
	"reclaim":           reflect.TypeFor[Reclaim](),
	"page_asked":        reflect.TypeFor[PageAsked](),
	"page":              reflect.TypeFor[Page](),
	"change_level":      reflect.TypeFor[ChangeLevel](),
	"reopen_log":        reflect.TypeFor[ReopenLog](),
	"connections_moved": reflect.TypeFor[ConnectionsMoved](),
	"tunnel_moved":      reflect.TypeFor[TunnelMoved](),
	"handed_over":       reflect.TypeFor[HandedOver](),
	"ready":             reflect.TypeFor[Ready](),
	"unfit":             reflect.TypeFor[Unfit](),
}

// wireKinds is the reverse of wireValues.
var wireKinds = func() map[reflect.Type]string {
	kinds := make(map[reflect.Type]string, len(wireValues))
	for kind, t := range wireValues {
		kinds[t] = kind
	}
	return kinds
}()

// NewReady is the Ready of this version.
func NewReady() Ready { return Ready{Takes: movedKinds()} }

// TakesAll reports whether the new process knows all that this version hands over.
func (r Ready) TakesAll() bool {
	return !slices.ContainsFunc(movedKinds(), func(kind string) bool { return !slices.Contains(r.Takes, kind) })
}

// movedKinds are those of Moved, in order.
func movedKinds() (kinds []string) {
	for kind, t := range wireValues {
		if t.Implements(reflect.TypeFor[Moved]()) {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

type frame struct {
	Kind  string          `json:"kind"`
	Value json.RawMessage `json:"value"`
}

// AppendFrame appends the wire form of a value. The error wraps ErrFrame.
func AppendFrame(b []byte, value any) ([]byte, error) {
	kind, known := wireKinds[reflect.TypeOf(value)]
	if !known {
		return b, fmt.Errorf("%w: a %T", ErrFrame, value)
	}
	text, err := json.Marshal(value)
	if err == nil {
		text, err = json.Marshal(frame{kind, text})
	}
	if err != nil {
		return b, fmt.Errorf("%w: %s: %w", ErrFrame, kind, err)
	}
	if len(text) > MaxFrame {
		return b, fmt.Errorf("%w: %s of %d bytes", ErrFrame, kind, len(text))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...), nil
}

// ReadFrame reads one value. It returns nil for one of a kind that this version does not know. The error is io.EOF when
// the input ends between two values.
func ReadFrame(r io.Reader) (value any, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrame, n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, errors.Join(ErrFrame, err)
	}
	return decodeFrame(text)
}

func decodeFrame(text []byte) (any, error) {
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	t, known := wireValues[f.Kind]
	if !known {
		return nil, nil
	}
	v := reflect.New(t)
	if err := json.Unmarshal(f.Value, v.Interface()); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFrame, f.Kind, err)
	}
	if v = v.Elem(); v.Kind() == reflect.Pointer && v.IsNil() { // who hears it does not ask
		return nil, fmt.Errorf("%w: %s: null", ErrFrame, f.Kind)
	}
	return v.Interface(), nil
}
