package transport

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pieces is the server's end of a connection whose bytes arrive in reads of a given size: the socket keeps messages
// apart, and the next one is sent when the loop has read the one before.
type pieces struct {
	net.Conn
	size int
	in   *bufio.Reader // reads whole messages
}

func (p pieces) Read(b []byte) (int, error) { return p.in.Read(b) }

func (p pieces) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = p.Conn.Write(b[n:min(len(b), n+p.size)])
		n += m
		p.untilRead()
	}
	return n, err
}

// untilRead waits until nothing is on its way any more.
func (p pieces) untilRead() {
	raw, err := p.Conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return
	}
	queued := 1
	for deadline := time.Now().Add(patience); queued > 0 && time.Now().Before(deadline); {
		closed := raw.Control(func(fd uintptr) { queued, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		if err != nil || closed != nil {
			return
		}
		runtime.Gosched()
	}
}

// dialInPieces connects a reader to a server whose bytes arrive in pieces.
func (s *site) dialInPieces(size int, client, server *tls.Config, fn func(*tls.Conn)) *reader {
	s.t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Skip(err)
	}
	file := os.NewFile(uintptr(fds[1]), "server")
	far, err := net.FileConn(file)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = file.Close()
	r := newReader()
	s.on(func() {
		if r.conn, err = s.adopt(fds[0], r, connecting); err == nil {
			r.conn.tls = &secure{conn: r.conn, config: client}
			r.conn.tls.wire.open(r.conn, netip.AddrPort{})
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fn(tls.Server(pieces{far, size, bufio.NewReaderSize(far, 64<<10)}, server))
	}()
	s.t.Cleanup(func() {
		s.close(r)
		_ = far.Close()
		await(s.t, ended)
	})
	return r
}

// However the bytes are cut, in the handshake, in tickets, in data and in the end, they say the same.
func TestTLSAtEverySplit(t *testing.T) {
	text := strings.Repeat("splits ", 100)
	for _, v := range versions {
		client, server := newAuthority(t).configs(v.version)
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for _, size := range []int{1, 2, 3, 4, 5, 6, 7, 23, 100, 511} {
			t.Run(fmt.Sprintf("%s %d", v.name, size), func(t *testing.T) {
				s := newSite(t)
				r := s.dialInPieces(size, client, server, func(c *tls.Conn) {
					got := make([]byte, len(text))
					_, _ = io.ReadFull(c, got)
					_, _ = c.Write(got[:1])
					_, _ = c.Write(got[1:])
					_ = c.CloseWrite()
				})
				await(t, r.connected)
				if err := s.send(r, text); err != nil {
					t.Fatal(err)
				}
				r.expect(t, text)
				if err := await(t, r.ended); err != io.EOF {
					t.Errorf("end: %v", err)
				}
			})
		}
	}
}
