package tests

import (
	"fmt"
	"io"
	"runtime"
	"testing"
)

// slowly reads in small pieces through a small receive buffer, and lets others have their turn in between: whoever
// sends to it is stopped again and again.
type slowly struct{ io.Reader }

func (s slowly) Read(b []byte) (int, error) {
	runtime.Gosched()
	return s.Reader.Read(b[:min(len(b), 4<<10)])
}

// flowBytes is more than all socket buffers on the way hold together.
const flowBytes = 24 << 20

// flowRounds of a size: often enough that each end of a body meets each state of the buffers.
func flowRounds(size int64) int64 { return 4 + flowBytes/size }

// A backend that takes an upload slowly gets all of it, and lb does not store it meanwhile.
func TestUploadToASlowBackend(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{700 << 10, 3<<20 + 1, flowBytes} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			back := startBackend(t, takeUploads(size))
			b := start(t, settings{backends: []string{back.addr}})
			for range flowRounds(size) {
				c := b.dial(t)
				c.send(head("POST", "/", fmt.Sprintf("Content-Length: %d", size)))
				if _, err := io.Copy(c.TCPConn, struct{ io.Reader }{newPattern(size)}); err != nil {
					t.Fatal(err)
				}
				c.response("POST").expect(t, 200, "<nil>")
			}
			b.expectMemory(t, 40<<20)
		})
	}
}

// takeUploads answers each upload with what was wrong with it.
func takeUploads(size int64) func(*visit) {
	return func(v *visit) {
		v.SetReadBuffer(128 << 10)
		for {
			if !v.head() {
				return
			}
			verdict := fmt.Sprint(verify(slowly{io.LimitReader(v.reader, size)}, size))
			v.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(verdict), verdict))
		}
	}
}

// A client that takes a download slowly gets all of it, and lb does not store it meanwhile.
func TestDownloadToASlowClient(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{700 << 10, 3<<20 + 1, flowBytes} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			b := start(t, settings{backends: []string{origin(t)}})
			for range flowRounds(size) {
				c := b.dial(t)
				c.SetReadBuffer(128 << 10)
				c.send(head("GET", fmt.Sprintf("/download?size=%d", size)))
				if line, err := readLine(c.reader); line != "HTTP/1.1 200 OK" {
					t.Fatal(line, err)
				}
				if _, err := readFields(c.reader); err != nil {
					t.Fatal(err)
				}
				if err := verify(slowly{io.LimitReader(c.reader, size)}, size); err != nil {
					t.Fatal(err)
				}
			}
			b.expectMemory(t, 40<<20)
		})
	}
}
