package upstream

import (
	"crypto/tls"
	"errors"
	"io"
	"net/netip"
	"syscall"

	"lb/messages"
	"lb/proxy/loop"
	"lb/proxy/transport"
)

// line is the way to a backend: a connection, or the search for an address that takes one.
type line struct {
	backend *Backend
	tcp     *transport.Conn
	peer    netip.AddrPort
	tls     *tls.Config // by which it was made; nil without TLS
	left    int         // addresses not tried yet
	until   int64       // loop time at which all of them must have been
}

// caller is who wants a line.
type caller interface {
	transport.User
	// dialling reports whether it still does.
	dialling() bool
	// unreachable says that no address took the connection.
	unreachable(reason messages.Reason, detail string)
}

func newLine(b *Backend) line {
	return line{backend: b, left: len(b.addresses), until: b.pool.in(int64(b.pool.Config.Timeouts.Connect))}
}

// dial connects to the next address, which has its share of the time that is left. That it fails at once is told in
// the next round, as any other failure. The addresses may have gone meanwhile.
func (l *line) dial(c caller) {
	p := l.backend.pool
	if l.left == 0 || len(l.backend.addresses) == 0 {
		p.Net.Loop.Again(nowhere{c})
		return
	}
	share := max(l.until-p.Net.Loop.Now(), 0) / int64(l.left)
	l.left--
	l.backend.stats.Connects++
	l.peer = l.backend.address()
	tcp, err := l.connect(c)
	if err != nil {
		p.Net.Loop.Again(&undone{c, l, err})
		return
	}
	l.tcp = tcp
	l.tcp.Deadline(p.in(share))
}

// unconnected goes on to the next address, or gives up.
func (l *line) unconnected(c caller, err error) {
	if l.tcp != nil {
		l.tcp.Close()
		l.tcp = nil
	}
	if l.left > 0 {
		l.dial(c)
		return
	}
	c.unreachable(connectReason(err), text(err))
}

// undone is a connection that could not even be begun. It is told in the next round, because who acquires a connection
// must not hear of its failure before it has it.
type undone struct {
	caller caller
	line   *line
	err    error
}

// Ready implements loop.Handler.
func (u *undone) Ready(loop.Events) {
	if u.caller.dialling() {
		u.line.unconnected(u.caller, u.err)
	}
}

// Crashed closes what belonged to it.
func (u *undone) Crashed() { u.caller.Crashed() }

// nowhere is a connection to a backend whose name has no address.
type nowhere struct{ caller caller }

// Ready implements loop.Handler.
func (n nowhere) Ready(loop.Events) {
	if n.caller.dialling() {
		n.caller.unreachable(messages.DNSError, "no address")
	}
}

// Crashed closes what belonged to it.
func (n nowhere) Crashed() { n.caller.Crashed() }

func connectReason(err error) messages.Reason {
	switch {
	case errors.Is(err, syscall.ETIMEDOUT):
		return messages.ConnectionTimeout
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return messages.DestinationUnroutable
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return messages.ProxyInternalError
	case errors.Is(err, transport.ErrTruncated), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return messages.ConnectionTerminated // in the middle of the TLS handshake
	}
	return lossOf(err, messages.ConnectionRefused)
}

func text(err error) string {
	if err == nil || err == io.EOF {
		return ""
	}
	return err.Error()
}
