package h2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"lb/proxy/semantics"
)

// judge feeds a connection with three open streams what came in pieces and writes down all that it says.
func judge(input []byte, sizes []byte) string {
	c := New(false, Limits{})
	head := &semantics.Request{Method: []byte("GET"), Fields: []semantics.Field{
		{Name: []byte("Host"), Value: []byte("h"), Kind: semantics.Host},
	}}
	for i := range 3 {
		head.Length = []int64{0, 5, semantics.Chunked}[i]
		c.Request(&Stream{}, head, []byte("/"))
	}
	var said strings.Builder
	var rest []byte
	for i := 0; len(input) > 0; i++ {
		n := len(input)
		if len(sizes) > 0 {
			n = min(n, int(sizes[i%len(sizes)])+1)
		}
		rest = append(rest, input[:n]...)
		input = input[n:]
		for {
			e, n, err := c.Next(rest)
			if err != nil {
				fmt.Fprintf(&said, "connection: %v, out %x", err, c.Out)
				return said.String()
			}
			if n == 0 {
				break
			}
			said.WriteString(describe(&e))
			if e.Kind == Data && !e.Last {
				c.Taken(e.Stream, len(e.Data), false)
			}
			rest = rest[n:]
		}
	}
	fmt.Fprintf(&said, "rest %x, active %d, out %x", rest, c.Active(), c.Out)
	return said.String()
}

// FuzzSameVerdictAtEverySplit holds that what a connection says does not depend on how its input was cut.
func FuzzSameVerdictAtEverySplit(f *testing.F) {
	for _, lines := range [][]string{
		{"< settings", "< headers 1 :status=200", "< data 1 end hello", "< headers 3 end :status=404 a=b", "< rst 5 CANCEL"},
		{"< settings MAX_CONCURRENT_STREAMS=1", "< headers 1 more :status=200", "< continuation 1 a=b", "< data 1 pad=9 x"},
		{"< settings", "< window 0 1", "< window 5 7", "< ping", "< priority 1", "< goaway 3 NO_ERROR"},
		{"< settings", "< headers 1 :status=200 content-length=9", "< data 1 end x", "< push 3"},
	} {
		f.Add(served(f, lines), []byte{0})
		f.Add(served(f, lines), []byte{3, 0, 8})
	}
	f.Fuzz(func(t *testing.T, input, sizes []byte) {
		whole, cut := judge(input, nil), judge(input, sizes)
		if whole != cut {
			t.Errorf("at once:\n%s\nin pieces:\n%s", whole, cut)
		}
	})
}

// served are the bytes of what a server sends.
func served(f *testing.F, lines []string) []byte {
	s := &script{t: f}
	s.framer = http2.NewFramer(&s.sent, nil)
	s.framer.AllowIllegalWrites = true
	s.enc = hpack.NewEncoder(&s.block)
	for _, line := range lines {
		words := strings.Fields(line)
		s.serve(words[1], words[2:])
	}
	return bytes.Clone(s.sent.Bytes())
}
