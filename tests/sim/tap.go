//go:build sim

package sim

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// tap reads what lb sends on a connection of HTTP/2 as the kernel takes it.
type tap struct {
	w       *world
	up      *uplink
	sock    *socket
	reader  *frameReader
	acks    int // of settings
	strands map[uint32]*tapped
	said    int64 // when the last bytes came
}

// tapped is one request on it.
type tapped struct {
	request *request
	sent    int // bytes of its body
	whole   bool
	dropped bool // its host has given it up
}

func (w *world) newTap(up *uplink, s *socket) *tap {
	t := &tap{w: w, up: up, sock: s, strands: map[uint32]*tapped{}}
	t.reader = newFrameReader(t)
	return t
}

func (t *tap) feed(parts [][]byte, n int) {
	t.said = t.w.kernel.agenda.now
	for _, b := range parts {
		b = b[:min(n, len(b))]
		if err := t.reader.feed(b); err != nil {
			t.w.fail("lb sends what is no HTTP/2: %v", err)
		}
		n -= len(b)
	}
}

// sectionRead implements frameAudience.
func (t *tap) sectionRead(id uint32, fields [][2]string, last bool) {
	if had := t.strands[id]; had != nil {
		had.whole = true
		return
	}
	r := t.w.requestAt(fields)
	if r == nil {
		t.w.fail("lb sends %v, which nobody asked for", fields)
		return
	}
	t.strands[id] = &tapped{request: r, whole: last}
	t.w.sendsHead(r, t.sock, t.up, id)
}

// requestAt finds the request that a section's path names; nil when there is none.
func (w *world) requestAt(fields [][2]string) *request {
	for _, f := range fields {
		if f[0] == ":path" {
			id, _ := strconv.Atoi(strings.TrimPrefix(f[1], "/r"))
			return w.requests[id]
		}
	}
	return nil
}

// octetsRead implements frameAudience.
func (t *tap) octetsRead(id uint32, b []byte, _ int, last bool) {
	s := t.strands[id]
	if s == nil {
		t.w.fail("lb sends data of stream %d, which it did not open or has reset", id)
		return
	}
	s.sent += len(b)
	s.whole = s.whole || last
}

// controlRead implements frameAudience.
func (t *tap) controlRead(f *frame) {
	switch {
	case f.kind == http2.FrameRSTStream:
		delete(t.strands, f.stream)
	case f.kind == http2.FrameSettings && f.flags&http2.FlagSettingsAck != 0:
		if v := t.up.session; v != nil && t.acks < len(v.told) {
			t.reader.limit(v.told[t.acks].table)
		}
		t.acks++
	}
}

// held is how many bytes of a request's body lb has read from its client and not sent on.
func (s *tapped) held() int {
	r := s.request
	last := r.attempts[len(r.attempts)-1]
	running := last.up.tap != nil && last.up.tap.strands[last.stream] == s
	if !running || s.whole || s.dropped || r.status != 0 || r.client.over || r.client.sock.peer.closed {
		return 0
	}
	return r.client.sock.peer.read - r.offset - s.sent
}
