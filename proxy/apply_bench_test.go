package proxy

import (
	"fmt"
	"net/netip"
	"testing"

	"lb/messages"
)

// A change of one backend's health is a new snapshot of all of them, which each worker takes over on its loop: requests
// wait for that long.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{3, 64, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l, err := NewLoop(func(_, value any, _ []byte) { panic(value) })
			if err != nil {
				b.Fatal(err)
			}
			w := NewWorker(l, Options{})
			s := crowdOf(n)
			b.ReportAllocs()
			for b.Loop() {
				w.Apply(s)
			}
		})
	}
}

// crowdOf is a snapshot of so many backends.
func crowdOf(n int) *messages.Snapshot {
	s := &messages.Snapshot{Generation: 1, Config: messages.DefaultConfig()}
	for i := range n {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(1 + i/250), byte(1 + i%250)}), 9000)
		s.Members = append(s.Members, messages.Member{
			Backend:   messages.Backend{Host: a.Addr().String(), Port: a.Port(), Weight: 1},
			Addresses: []netip.AddrPort{a}, State: messages.Up, Share: 100,
		})
	}
	return s
}
