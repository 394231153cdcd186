package proxy

import (
	"strings"
	"testing"

	"lb/proxy/semantics"
)

func TestRequestThatGoesInCirclesIsFound(t *testing.T) {
	for _, c := range []struct {
		via  []string
		want bool
	}{
		{nil, false},
		{[]string{strings.Repeat("1.1 lb, ", 9)}, false},
		{[]string{strings.Repeat("1.1 lb, ", 10)}, true},
		{[]string{strings.Repeat("1.1 lb, ", 5), strings.Repeat("2.0 lb (a comment),", 5)}, true},
		{[]string{strings.Repeat("1.1 lb2, ", 20), strings.Repeat("1.1 other, ", 20)}, false},
		{[]string{strings.Repeat("lb, ", 20)}, false},
	} {
		r := &semantics.Request{Fields: []semantics.Field{{Name: []byte("Host"), Value: []byte("1.1 lb"), Kind: semantics.Host}}}
		for _, v := range c.via {
			r.Fields = append(r.Fields, semantics.Field{Name: nameVia, Value: []byte(v), Kind: semantics.Via})
		}
		if got := isLooping(r); got != c.want {
			t.Errorf("Via %q: looping %v, want %v", c.via, got, c.want)
		}
	}
}
