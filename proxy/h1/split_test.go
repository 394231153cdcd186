package h1_test

import (
	"strings"
	"testing"
)

func TestRequestTranscripts(t *testing.T) {
	verdict := func(b []byte, c *transcript) string { return requestVerdict(b, c.limits()) }
	runHeads(t, "request.txt", verdict)
}

func TestResponseTranscripts(t *testing.T) {
	verdict := func(b []byte, c *transcript) string { return responseVerdict(b, c.has("HEAD"), c.limits()) }
	runHeads(t, "response.txt", verdict)
}

func runHeads(t *testing.T, file string, verdict func([]byte, *transcript) string) {
	t.Helper()
	runTranscripts(t, file,
		func(_ *testing.T, c *transcript) string { return verdict(c.input, c) },
		func(t *testing.T, c *transcript) string {
			return prefixVerdict(t, c.input, func(b []byte) string { return verdict(b, c) })
		})
}

// prefixVerdict is the first verdict that a prefix gets, with what the whole input has behind it. No later one may
// differ.
func prefixVerdict(t *testing.T, input []byte, verdict func([]byte) string) string {
	t.Helper()
	first, judged := "incomplete\n", len(input)
	for k := 0; k <= len(input); k++ {
		v := withoutRest(verdict(input[:k]))
		if first == "incomplete\n" && v != first {
			first, judged = v, k
		}
		if v != first {
			t.Fatalf("%d bytes of %q: %q\n%d bytes: %q", judged, input, first, k, v)
		}
	}
	if strings.HasPrefix(first, "incomplete") || refused.MatchString(first) {
		return first
	}
	return first + rest(input[judged:])
}

func withoutRest(verdict string) string {
	if i := strings.Index(verdict, "\nrest "); i >= 0 {
		return verdict[:i+1]
	}
	return verdict
}

func TestBodyTranscripts(t *testing.T) {
	runTranscripts(t, "body.txt",
		func(_ *testing.T, c *transcript) string { return bodyVerdict(c.length(), c.input) },
		func(t *testing.T, c *transcript) string { return splitBodyVerdict(t, c.length(), c.input) })
}

// splitBodyVerdict is the verdict on a body that comes byte by byte. Those on it cut in two, wherever, must be the
// same. Of the few long bodies, which are of one letter for the most part, not every cut is tried.
func splitBodyVerdict(t *testing.T, length int64, input []byte) string {
	t.Helper()
	single := make([][]byte, len(input))
	for i := range input {
		single[i] = input[i : i+1]
	}
	want := bodyVerdict(length, single...)
	step := 1 + len(input)/4096*16
	for k := 0; k <= len(input); k += step {
		if got := bodyVerdict(length, input[:k], input[k:]); got != want {
			t.Fatalf("%q, %q:\n%sbyte by byte:\n%s", input[:k], input[k:], got, want)
		}
	}
	return want
}
