package transport

import "testing"

// A send while nobody looks. To a closed connection it makes no system call, so that only our own code is measured.
func BenchmarkSendUntraced(b *testing.B) {
	c := &Conn{status: closed}
	g := Gather{}
	b.ReportAllocs()
	for b.Loop() {
		g.Buf = append(g.Buf, 'x')
		_ = c.send(&g, 0)
	}
}

// The same without the look whether there is a trace.
func BenchmarkPut(b *testing.B) {
	c := &Conn{status: closed}
	g := Gather{}
	b.ReportAllocs()
	for b.Loop() {
		g.Buf = append(g.Buf, 'x')
		_ = c.put(&g, 0)
	}
}
