package transport

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// What passes on connections, shown to people. While nobody looks it costs a comparison with nil per read and send.

// Tracer shows the bytes of connections and the handshakes of TLS. Its fields must not be changed in use; several loops
// may share one. A nil Tracer shows nothing.
type Tracer struct {
	// Payloads shows the bytes that are received and sent, of TLS what is inside it.
	Payloads bool
	// Handshakes shows what those of TLS settle, or why they fail.
	Handshakes bool
	// Filter picks the connections: a substring of the client's address, or of the backend's address or name. Empty:
	// all.
	Filter string
	// Secrets shows the values of Authorization, Proxy-Authorization, Cookie and Set-Cookie as well.
	Secrets bool
	// Write takes an entry of one or more lines, which is its own from then on. It is called by several goroutines and
	// must not wait.
	Write func(entry []byte)

	connections atomic.Uint64
}

// traceTime is how the time stands at the beginning of an entry, in UTC.
const traceTime = "2006-01-02T15:04:05.000000Z"

// maxShown is how many bytes of a payload one entry has; the rest has entries of its own.
const maxShown = 64 << 10

// trace is the view of one connection. Loop's thread only.
type trace struct {
	tracer   *Tracer
	number   string // "#12"
	peer     string // "client 192.0.2.1:5555"
	frames   bool   // it speaks HTTP/2
	begun    bool   // bytes have passed
	in, out  redactor
	incoming frameReader
	outgoing frameReader
	request  []byte // id of the last request, if it has one
	scratch  []byte
}

// ShowAs names the connection for those who look: the backend that it goes to, or "" for a client, and the peer's
// address.
func (c *Conn) ShowAs(backend string, peer netip.AddrPort) {
	t := c.net.Tracer
	if t == nil || !t.wants(backend, peer.String()) {
		return
	}
	name := "client " + peer.String()
	if backend != "" {
		name = "backend " + backend + " at " + peer.String()
	}
	if c.tls != nil {
		c.tls.name = name
	}
	if t.Payloads {
		c.trace = &trace{tracer: t, number: "#" + strconv.FormatUint(t.connections.Add(1), 10), peer: name}
	}
}

// Shown reports whether the bytes of the connection are shown, and whether secrets in them are.
func (c *Conn) Shown() (shown, secrets bool) {
	return c.trace != nil, c.trace != nil && c.trace.tracer.Secrets
}

// Note shows lines about the connection, such as what its bytes mean, if its bytes are shown.
func (c *Conn) Note(lines string) {
	if c.trace != nil {
		c.trace.write(append(c.trace.heading("", len(lines)), indented(lines)...))
	}
}

func (t *Tracer) wants(backend, peer string) bool {
	return strings.Contains(peer, t.Filter) || strings.Contains(backend, t.Filter)
}

func (t *trace) received(b []byte) { t.show(t.peer+" > lb", b, &t.in, &t.incoming) }

func (t *trace) sent(parts [][]byte) {
	for _, b := range parts {
		t.show("lb > "+t.peer, b, &t.out, &t.outgoing)
	}
}

func (t *trace) show(direction string, b []byte, r *redactor, f *frameReader) {
	for len(b) > 0 {
		part := b[:min(len(b), maxShown)]
		b = b[len(part):]
		t.scratch = append(t.scratch[:0], part...)
		t.frames = t.frames || !t.begun && startsHTTP2(part) // later on, anything may look like it
		t.begun = true
		var decoded []byte
		if t.frames {
			decoded = f.read(t.scratch, t.tracer.Secrets)
		} else {
			r.redact(t.scratch, t.tracer.Secrets, &t.request)
		}
		t.write(append(append(t.heading(direction, len(part)), decoded...), hex.Dump(t.scratch)...))
	}
}

// heading is the first line of an entry. Without a direction it is about the connection as such.
func (t *trace) heading(direction string, size int) []byte {
	line := time.Now().UTC().AppendFormat(nil, traceTime)
	line = append(append(append(line, ' '), t.number...), ' ')
	if direction == "" {
		line = append(line, t.peer...)
	} else {
		line = append(append(line, direction...), ' ')
		line = append(strconv.AppendInt(line, int64(size), 10), " bytes"...)
	}
	if len(t.request) > 0 {
		line = append(append(line, " request "...), t.request...)
	}
	return append(line, '\n')
}

func (t *trace) write(entry []byte) { t.tracer.Write(entry) }

// indented sets lines apart from headings.
func indented(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}
