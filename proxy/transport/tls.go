package transport

import (
	"crypto/tls"
	"errors"
	"net/netip"

	"lb/proxy/loop"
)

// TLS without blocking. The handshake runs on a goroutine of its own, because it may compute for milliseconds, over a
// wire that the loop feeds with what comes. Afterwards there is no goroutine any more: the tls.Conn is called on the
// loop, over the same wire, which then is the socket itself and says ErrNotNow where it would have to wait.

// secure is the TLS of a connection. Loop's thread only, but for what the handshake's goroutine has meanwhile.
type secure struct {
	conn     *Conn
	tls      *tls.Conn
	config   *tls.Config
	wire     wire
	name     string // of the peer, for those who look
	protocol string // that ALPN settled
	ahead    []byte // a byte that was read to see whether there is one
	err      error  // how the stream ended: every Read tells it again
	parted   bool   // some records of the last send have left
	shaken   bool   // the handshake is over, for the reason fault or successfully
	fault    error
}

var errHandshakeCrashed = errors.New("the code of the handshake panicked")

// DialTLS is Dial for TLS as a client, by a config that must not be changed any more: it says the server's name, what
// certificates are accepted and which protocols ALPN offers. u is told that it is Connected when the handshake is over.
// It is Broken with a *TLSError when TLS is at fault, or with the socket's error, or ErrTruncated, when the connection
// ended before.
func (n *Network) DialTLS(address netip.AddrPort, config *tls.Config, u User) (*Conn, error) {
	c, err := n.Dial(address, u)
	if err != nil {
		return nil, err
	}
	c.tls = &secure{conn: c, config: config}
	c.tls.wire.open(c, address)
	return c, nil
}

// Protocol is what ALPN settled (RFC 7301); empty without TLS, before the handshake's end, and when the peer named
// none.
func (c *Conn) Protocol() string {
	if c.tls == nil {
		return ""
	}
	return c.tls.protocol
}

// Shaking reports whether the connection stands and its TLS does not yet.
func (c *Conn) Shaking() bool { return c.status&shaking != 0 }

// begin starts the handshake.
func (s *secure) begin() {
	s.conn.status |= shaking
	s.tls = tls.Client(&s.wire, s.config)
	n := s.conn.net
	n.Go("tls handshake", func() { s.handshake(n) })
}

// handshake runs on a goroutine of its own.
func (s *secure) handshake(n *Network) {
	err := errHandshakeCrashed
	defer func() { n.Loop.Schedule(func() { s.over(err) }) }()
	began := n.Tracer.startHandshake()
	err = s.tls.Handshake()
	n.Tracer.handshake(s, began, err)
}

// over notes the end of the handshake. It is told in a turn of the connection, so that a panic is the connection's.
func (s *secure) over(err error) {
	c := s.conn
	if c.status&closed == 0 {
		s.shaken, s.fault = true, err
		c.Again()
	}
}

// shake serves a connection whose handshake runs.
func (c *Conn) shake(e loop.Events) {
	if e&loop.HungUp != 0 {
		c.status |= hungUp
	}
	if e&loop.Writable != 0 && c.out != nil {
		c.flush()
	}
	if !c.tls.shaken {
		if e != loop.Writable {
			c.feed()
		}
		return
	}
	c.status = c.status&^shaking | readable | held // more than the handshake may have come with its last bytes
	c.tls.wire.live = true
	if err := c.tls.fault; err != nil {
		c.user.Broken(tlsError(err))
		return
	}
	c.tls.protocol = c.tls.tls.ConnectionState().NegotiatedProtocol
	if c.trace != nil {
		c.trace.frames = c.tls.protocol == "h2"
	}
	c.user.Connected()
	if c.status&closed == 0 {
		c.user.Readable()
	}
}

// feed gives the handshake what the socket has.
func (c *Conn) feed() {
	b := c.net.HeadBuffer()
	for {
		n, err := c.receive(b)
		switch {
		case err == ErrNotNow:
			return
		case err != nil:
			c.tls.wire.finish(ended(err))
			return
		case !c.tls.wire.feed(b[:n]):
			return
		case c.status&readable == 0:
			return
		}
	}
}
