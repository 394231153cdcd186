package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// maxUntaken bounds the bytes that a peer may send ahead of the handshake. The largest message of one, a chain of
// certificates, is limited to 256 KiB by crypto/tls.
const maxUntaken = 512 << 10

// ErrTruncated says that TCP ended, and TLS did not: somebody may have cut the stream (RFC 8446 §6.1). What came before
// must not be taken for the whole where only the end tells that it is.
var ErrTruncated = errors.New("the connection ended without the end of TLS")

var errAhead = errors.New("too many bytes before the end of the handshake")

// wire is the net.Conn below a tls.Conn. Until it is live the handshake's goroutine reads what the loop feeds, and
// waits for it; then it is the socket, on the loop's thread, and never waits.
type wire struct {
	conn   *Conn
	remote net.Addr
	live   bool // set by the loop's thread when the goroutine has ended

	mu      sync.Mutex // until it is live
	more    sync.Cond
	untaken []byte
	err     error // behind what is untaken
}

var _ net.Conn = (*wire)(nil)

func (w *wire) open(c *Conn, peer netip.AddrPort) {
	w.conn, w.remote, w.more.L = c, net.TCPAddrFromAddrPort(peer), &w.mu
}

// feed gives the handshake bytes, and reports whether there may be more.
func (w *wire) feed(b []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.untaken = append(w.untaken, b...)
	if len(w.untaken) > maxUntaken {
		w.err = errAhead
	}
	w.more.Signal()
	return w.err == nil
}

// finish says that nothing more comes, and why.
func (w *wire) finish(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.more.Signal()
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	if !w.live {
		w.mu.Lock()
		defer w.mu.Unlock()
		for len(w.untaken) == 0 && w.err == nil {
			w.more.Wait()
		}
	}
	if len(w.untaken) > 0 {
		n := copy(b, w.untaken)
		if w.untaken = w.untaken[n:]; len(w.untaken) == 0 {
			w.untaken = nil
		}
		return n, nil
	}
	if w.err != nil {
		return 0, w.err
	}
	return w.receive(b)
}

// receive reads from the socket. Hot path.
func (w *wire) receive(b []byte) (int, error) {
	if w.conn.status&readable == 0 {
		return 0, ErrNotNow
	}
	n, err := w.conn.receive(b)
	if err != nil && err != ErrNotNow {
		err = ended(err)
	}
	return n, err
}

// ended is what the end of the socket is for TLS. Errors of the kernel are hidden: some say that they are temporary.
func ended(err error) error {
	if err == io.EOF {
		return ErrTruncated
	}
	return socketFault{err}
}

type socketFault struct{ cause error }

func (f socketFault) Error() string { return f.cause.Error() }
func (f socketFault) Unwrap() error { return f.cause }

// Write implements net.Conn. Hot path.
func (w *wire) Write(b []byte) (int, error) {
	if w.live {
		return len(b), w.conn.tls.add(b)
	}
	own := append([]byte(nil), b...)
	w.conn.net.Loop.Schedule(func() { w.conn.tls.sendShaking(own) })
	return len(b), nil
}

// Close implements net.Conn. It is the user of the connection who closes it.
func (w *wire) Close() error { return nil }

// LocalAddr implements net.Conn.
func (w *wire) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn.
func (w *wire) RemoteAddr() net.Addr { return w.remote }

// SetDeadline implements net.Conn. The connection has deadlines of its own.
func (w *wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
