package transport

import (
	"crypto/tls"
	"io"
	"testing"
)

// One record of 16 KiB each way, through the kernel, the other side included.
func BenchmarkTLSEcho16KiB(b *testing.B) {
	for _, v := range versions {
		b.Run(v.name, func(b *testing.B) {
			client, server := newAuthority(b).configs(v.version)
			client.DynamicRecordSizingDisabled, server.DynamicRecordSizingDisabled = true, true
			s := newSite(b)
			r := s.dial(serve(b, server, echo), client)
			await(b, r.connected)
			e := &echoes{reader: r, left: b.N, payload: make([]byte, 16<<10), done: make(chan struct{})}
			b.SetBytes(32 << 10)
			b.ReportAllocs()
			b.ResetTimer()
			s.on(func() { r.conn.user = e; e.send() })
			<-e.done
		})
	}
}

func echo(c *tls.Conn) {
	b := make([]byte, 16<<10)
	for {
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// echoes sends a payload, waits for it to come back, and sends it again.
type echoes struct {
	*reader
	out     Gather
	payload []byte
	got     int
	left    int
	done    chan struct{}
}

func (e *echoes) send() {
	e.out.Add(e.payload)
	if err := e.conn.Send(&e.out); err != nil {
		panic(err)
	}
}

func (e *echoes) Readable() {
	for e.conn.CanRead() {
		n, err := e.conn.Read(e.conn.net.HeadBuffer())
		e.got += n
		if err != nil {
			break
		}
	}
	if e.got < len(e.payload) {
		return
	}
	e.got -= len(e.payload)
	if e.left--; e.left == 0 {
		close(e.done)
	} else if e.left > 0 {
		e.send()
	}
}
