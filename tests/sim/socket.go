//go:build sim

package sim

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"lb/proxy/loop"
)

// socket is one end of a TCP connection, or a listener. What it does follows Linux: see tcp_recvmsg, tcp_sendmsg,
// tcp_reset and tcp_poll.
type socket struct {
	k       *kernel
	id      int // of the link, twice, plus one at the end that was dialled: the owner of its events
	fd      int // 0: not of the worker
	peer    *socket
	address netip.AddrPort // of the other end
	owner   any            // of an end in the worker: whom it is connected to
	wake    func()         // of the other ends: what readiness is to them

	arrived   buffer // that came and was not read
	out       buffer // that was sent and did not arrive
	err       unix.Errno
	connects  bool // it has not been answered yet
	ended     bool // we sent the end
	told      bool // the end arrived
	hears     bool // the peer's end arrived
	dead      bool // reset or refused
	closed    bool // by its owner
	resets    bool // close sends a reset
	resetting bool // a reset is on its way
	looked    bool // the worker has peeked since it last sent a head
	noSpace   bool // somebody waits for room
	carrying  bool // a delivery is on the agenda

	sendLimit, receiveLimit int
	sent, read              int // bytes so far
	dice                    dice
	pace                    pace

	watched, queued bool // by the loop
	generation      uint32
	backlog         []*socket // of a listener
	listens         bool
}

// woke has the owner look.
func (s *socket) woke() {
	if s.wake != nil {
		s.wake()
	}
	if s.watched && !s.queued {
		s.queued = true
		s.k.ready = append(s.k.ready, s)
	}
}

// readiness is what the socket is ready for now. To find no room counts as waiting for it.
func (s *socket) readiness() (ready loop.Events) {
	if s.listens {
		if len(s.backlog) > 0 {
			ready = loop.Readable
		}
		return ready
	}
	if s.connects {
		return 0
	}
	if s.dead || s.hears || s.arrived.len() > 0 {
		ready |= loop.Readable
	}
	if s.dead || s.hears {
		ready |= loop.HungUp
	}
	if s.dead || s.ended || s.spacious() {
		ready |= loop.Writable
	} else {
		s.noSpace = true
	}
	if s.err != 0 {
		ready |= loop.Broken
	}
	return ready
}

// spacious is when a sender that waits is woken: at a third of the queue, not at the first byte.
func (s *socket) spacious() bool { return s.sendLimit-s.out.len() >= s.out.len()/2 }

func (s *socket) room() int { return max(0, s.sendLimit-s.out.len()) }

// receive takes what came. What came before a reset can still be read; the error after it once.
func (s *socket) receive(b []byte) (int, unix.Errno) {
	if n := s.arrived.take(b); n > 0 {
		s.read += n
		s.k.progress++
		if s.peer.out.len() > 0 {
			s.peer.carry()
		}
		return n, 0
	}
	if err := s.pending(); err != 0 {
		return 0, err
	}
	if s.hears || s.dead {
		return 0, 0
	}
	return 0, unix.EAGAIN
}

// pending is the error that a receive would return. The end hides it.
func (s *socket) pending() unix.Errno {
	if s.hears {
		return 0
	}
	return s.fetch()
}

func (s *socket) fetch() (err unix.Errno) {
	err, s.err = s.err, 0
	return err
}

// silent is what peeking finds.
func (s *socket) silent() bool {
	return s.arrived.len() == 0 && !s.hears && !s.dead && s.pending() == 0
}

// send queues what there is room for.
func (s *socket) send(parts [][]byte) (n int, err unix.Errno) {
	if err := s.fetch(); err != 0 {
		return 0, err
	}
	switch {
	case s.dead || s.ended:
		return 0, unix.EPIPE
	case s.connects:
		return 0, unix.EAGAIN
	}
	for _, p := range parts {
		took := min(len(p), s.room())
		s.out.add(p[:took])
		if n += took; took < len(p) {
			s.noSpace = true
			break
		}
	}
	if n == 0 && s.noSpace {
		return 0, unix.EAGAIN
	}
	s.sent += n
	s.k.progress++
	s.carry()
	return n, 0
}

// shut ends our side.
func (s *socket) shut() {
	if s.dead || s.ended || s.connects {
		return
	}
	s.ended = true
	s.k.progress++
	s.carry()
}

// close ends the socket. With bytes unread, or when it was ordered, the peer is reset (RFC 9293 §3.10.4, RFC 1122
// §4.2.2.13).
func (s *socket) close() {
	if s.closed {
		return
	}
	s.k.progress++
	s.closed, s.watched, s.wake = true, false, nil
	if s.listens || s.dead || s.connects {
		return
	}
	if s.resets || s.arrived.len() > 0 {
		s.reset()
		return
	}
	s.shut()
}

// abort closes with a reset.
func (s *socket) abort() {
	s.resets = true
	s.close()
}

// reset gives the connection up. Of what was sent, an unknown part is on its way; the rest is lost.
func (s *socket) reset() {
	if s.dead {
		return
	}
	s.dead, s.resetting = true, true
	kept := min(s.out.len(), s.peer.window())
	s.out.cut(s.dice.IntN(kept + 1))
	s.carry()
}

// window is how much can still arrive.
func (s *socket) window() int { return max(0, s.receiveLimit-s.arrived.len()) }

// buffer is a queue of bytes.
type buffer struct {
	bytes []byte
	start int
}

func (b *buffer) len() int { return len(b.bytes) - b.start }

func (b *buffer) add(p []byte) {
	if b.start > 0 && b.start == len(b.bytes) {
		b.bytes, b.start = b.bytes[:0], 0
	}
	b.bytes = append(b.bytes, p...)
}

// take moves bytes out, as many as into has room for.
func (b *buffer) take(into []byte) int {
	n := copy(into, b.bytes[b.start:])
	b.start += n
	return n
}

// cut drops what lies behind the first n.
func (b *buffer) cut(n int) { b.bytes = b.bytes[:b.start+n] }
