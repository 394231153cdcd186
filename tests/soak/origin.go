//go:build linux

package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// origin is a backend of this process. It keeps its address through all that is done to it.
type origin struct {
	name   string
	host   string // by which lb knows it
	port   int
	tls    bool
	pause  time.Duration // before each answer
	server http.Server

	mu       sync.Mutex
	listener net.Listener // nil while it is stopped
	lines    map[*line]bool
	spell    spell
	over     chan struct{} // closed when the spell is over
}

// spell is what is wrong with an origin for a while.
type spell int

const (
	healthy  spell = iota
	stalled        // reads nothing and writes nothing, as a process that was stopped
	resets         // resets each connection at the first byte that it would send
	nonsense       // sends what no protocol has
	sluggish       // waits before each write
)

const sluggishPause = 300 * time.Millisecond

// startOrigin begins to listen on a free port.
func startOrigin(o *origin, protocols *http.Protocols, certificate *tls.Certificate) error {
	o.lines, o.over = map[*line]bool{}, make(chan struct{})
	o.server = http.Server{Handler: o.answers(), Protocols: protocols, ErrorLog: nobody}
	o.tls = certificate != nil
	if o.tls {
		o.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	o.port = l.Addr().(*net.TCPAddr).Port
	o.serve(l)
	return nil
}

func (o *origin) serve(l net.Listener) {
	o.mu.Lock()
	o.listener = l
	o.mu.Unlock()
	watched := &entrance{l, o}
	if o.tls {
		go o.server.ServeTLS(watched, "", "")
	} else {
		go o.server.Serve(watched)
	}
}

// stop ends the listener and all connections; again listens as before.
func (o *origin) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.listener != nil {
		o.listener.Close()
	}
	o.listener = nil
	for l := range o.lines {
		l.Conn.Close()
	}
}

func (o *origin) again() error {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: o.port})
	if err != nil {
		return err
	}
	o.serve(l)
	return nil
}

// cast begins a spell, or ends one: healthy.
func (o *origin) cast(s spell) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.over)
	o.spell, o.over = s, make(chan struct{})
}

func (o *origin) present() (spell, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.spell, o.over
}

// entrance is a listener whose connections obey the spell.
type entrance struct {
	net.Listener
	origin *origin
}

// Accept implements net.Listener.
func (e *entrance) Accept() (net.Conn, error) {
	conn, err := e.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn, origin: e.origin}
	e.origin.mu.Lock()
	e.origin.lines[l] = true
	e.origin.mu.Unlock()
	return l, nil
}

// line is a connection of lb to an origin, below TLS.
type line struct {
	net.Conn
	origin *origin
	opaque atomic.Bool // a tunnel: nonsense would pass it as anything else does
}

// Read implements net.Conn.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.awaitMotion()
	return n, err
}

// Write implements net.Conn.
func (l *line) Write(p []byte) (int, error) {
	l.awaitMotion()
	switch s, _ := l.origin.present(); s {
	case resets:
		l.Conn.(*net.TCPConn).SetLinger(0)
		l.Conn.Close()
		return 0, net.ErrClosed
	case nonsense:
		if !l.opaque.Load() {
			l.Conn.Write([]byte("\x00\xff nonsense \r\n\r\n\x16\x03"))
		}
		l.Conn.Close()
		return 0, net.ErrClosed
	case sluggish:
		time.Sleep(sluggishPause)
	case healthy, stalled:
	}
	return l.Conn.Write(p)
}

func (l *line) awaitMotion() {
	if s, over := l.origin.present(); s == stalled {
		<-over
	}
}

// Close implements net.Conn.
func (l *line) Close() error {
	l.origin.mu.Lock()
	delete(l.origin.lines, l)
	l.origin.mu.Unlock()
	return l.Conn.Close()
}
