package proxy

import (
	"strings"
	"testing"
)

func TestTokenIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []uint64{0, 1, 0x0123456789abcdef, 1 << 63, ^uint64(0)} {
		b := newBadge("home", want)
		_, rest, _ := strings.Cut(string(b.value), "=")
		digits, attributes, _ := strings.Cut(rest, ";")
		if got, ok := token([]byte(digits)); !ok || got != want {
			t.Errorf("%q is read as %#x, %v, want %#x", b.value, got, ok, want)
		}
		if attributes != " Path=/; HttpOnly; SameSite=Lax" {
			t.Errorf("attributes %q", attributes)
		}
	}
	if b := newBadge("", 1); b.value != nil {
		t.Errorf("without a name: %q", b.value)
	}
}

func TestTokenThatWasNeverWrittenIsNone(t *testing.T) {
	for _, text := range []string{
		"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg",
		"-123456789abcdef", "127.0.0.1:900012",
	} {
		if got, ok := token([]byte(text)); ok {
			t.Errorf("%q is read as %#x", text, got)
		}
	}
}
