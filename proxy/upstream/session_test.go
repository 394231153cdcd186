package upstream_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lb/messages"
	"lb/proxy/semantics"
	"lb/proxy/upstream"
)

// Kinds of frames (RFC 9113 §6), and the heads of responses without a body and with one: ":status: 200" is 88 in HPACK.
const (
	dataFrame, headersFrame, resetFrame, settingsFrame, goAwayFrame, windowFrame = 0, 1, 3, 4, 7, 8

	endStream, endHeaders = 1, 4
	preface               = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	status200             = "\x88"
)

// newH2Stage is a stage whose backend speaks HTTP/2 in clear text.
func newH2Stage(t *testing.T, change func(*messages.Config)) *stage {
	s := newStage(t, change)
	s.on(func() {
		s.backend = s.pool.Backend(messages.Member{
			Backend:   messages.Backend{Scheme: messages.H2C, Host: "backend", Port: 80, Weight: 1},
			Addresses: []netip.AddrPort{s.address()},
		})
	})
	return s
}

// frame is what came on a connection of HTTP/2.
type frame struct {
	kind, flags byte
	id          uint32
	payload     string
}

// greet exchanges prefaces.
func (p peer) greet() peer {
	p.t.Helper()
	got := make([]byte, len(preface))
	if _, err := io.ReadFull(p.conn, got); err != nil || string(got) != preface {
		p.t.Fatalf("preface %q, %v", got, err)
	}
	p.frame(settingsFrame, 0, 0, "")
	return p
}

func (p peer) frame(kind, flags byte, id uint32, payload string) {
	p.t.Helper()
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = binary.BigEndian.AppendUint32(append(head, flags), id)
	p.say(string(head) + payload)
}

// next reads up to a frame of the kind.
func (p peer) next(kind byte) frame {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(p.conn, head); err != nil {
			p.t.Fatalf("no frame of kind %d: %v", kind, err)
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(p.conn, payload); err != nil {
			p.t.Fatal(err)
		}
		if head[3] == kind {
			return frame{head[3], head[4], binary.BigEndian.Uint32(head[5:]), string(payload)}
		}
	}
}

// connected begins exchanges on one new connection and sends a request for each.
func (s *stage) connected(n int) (p peer, all []*exchange) {
	s.t.Helper()
	for range n {
		all = append(all, s.begin())
	}
	p = s.accept().greet()
	for _, x := range all {
		x.expect("connected")
		x.send("GET")
	}
	for i := range n {
		if f := p.next(headersFrame); f.id != uint32(2*i+1) {
			s.t.Fatalf("stream %d, want %d", f.id, 2*i+1)
		}
	}
	return p, all
}

func TestStreamsShareAConnection(t *testing.T) {
	s := newH2Stage(t, nil)
	p, all := s.connected(3)
	for i, x := range all {
		p.frame(headersFrame, endHeaders, uint32(2*i+1), status200)
		p.frame(dataFrame, endStream, uint32(2*i+1), fmt.Sprint(i))
		x.expect("response 200", fmt.Sprintf("data %d", i), "end")
	}
	s.on(func() {
		if now := s.backend.Stats(); now.Open != 1 || now.Idle != 1 || now.Connects != 1 {
			t.Errorf("%+v, want one connection, which is idle", now)
		}
	})
	x := s.begin()
	if !x.attempt.Ready() || !x.attempt.Reused() {
		t.Error("the connection is not used again")
	}
	s.on(x.attempt.Cancel)
}

// Nothing is sent before the settings of the backend are here: whoever does not speak HTTP/2 executes nothing.
func TestRequestWaitsForTheSettings(t *testing.T) {
	s := newH2Stage(t, nil)
	x := s.begin()
	p := s.accept()
	p.say("HTTP/1.1 400 Bad Request\r\n\r\n")
	x.expect("failed http_protocol_error")
	s.untilOpen(0)
}

// untilOpen waits for a number of open connections.
func (s *stage) untilOpen(open int64) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		var now messages.PoolStats
		s.on(func() { now = s.backend.Stats() })
		if now.Open == open {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d open connections, want %d", now.Open, open)
		}
	}
}

func TestGoAwayTellsWhatWasNotLookedAt(t *testing.T) {
	s := newH2Stage(t, nil)
	p, all := s.connected(3)
	p.frame(goAwayFrame, 0, 0, "\x00\x00\x00\x01\x00\x00\x00\x00")
	all[1].expect("failed destination_unavailable")
	all[2].expect("failed destination_unavailable")
	p.frame(headersFrame, endHeaders|endStream, 1, status200)
	all[0].expect("response 200", "end")
	s.untilOpen(0)
	s.connected(1) // on a new connection
}

func TestLostConnectionFailsItsStreams(t *testing.T) {
	s := newH2Stage(t, nil)
	p, all := s.connected(2)
	p.frame(headersFrame, endHeaders, 1, status200)
	all[0].expect("response 200")
	p.reset()
	all[0].expect("failed http_response_incomplete sent answered")
	all[1].expect("failed connection_terminated sent")
	s.untilOpen(0)
}

func TestResetStreamFailsAlone(t *testing.T) {
	s := newH2Stage(t, nil)
	p, all := s.connected(3)
	p.frame(resetFrame, 0, 1, "\x00\x00\x00\x07") // REFUSED_STREAM
	all[0].expect("failed destination_unavailable")
	p.frame(resetFrame, 0, 3, "\x00\x00\x00\x02") // INTERNAL_ERROR
	all[1].expect("failed connection_terminated sent")
	p.frame(headersFrame, endHeaders|endStream, 5, status200)
	all[2].expect("response 200", "end")
}

func TestIdleSessionEndsInTime(t *testing.T) {
	s := newH2Stage(t, func(c *messages.Config) { c.Timeouts.Idle = 50 * time.Millisecond })
	p, all := s.connected(1)
	p.frame(headersFrame, endHeaders|endStream, 1, status200)
	all[0].expect("response 200", "end")
	if f := p.next(goAwayFrame); !strings.HasSuffix(f.payload, "\x00\x00\x00\x00") {
		t.Errorf("GOAWAY %x, want NO_ERROR", f.payload)
	}
	s.untilOpen(0)
}

// Each stream has its own time: the connection goes on.
func TestLateStreamFailsAlone(t *testing.T) {
	s := newH2Stage(t, func(c *messages.Config) { c.Timeouts.Response = 50 * time.Millisecond })
	p, all := s.connected(2)
	p.frame(headersFrame, endHeaders, 3, status200)
	all[1].expect("response 200")
	all[0].expect("failed http_response_timeout sent")
	if f := p.next(resetFrame); f.id != 1 || f.payload != "\x00\x00\x00\x08" {
		t.Errorf("RST_STREAM %d %x, want CANCEL of 1", f.id, f.payload)
	}
	p.frame(dataFrame, endStream, 3, "late")
	all[1].expect("data late", "end")
}

// What the window has no room for waits, and the exchange hears when it has gone.
func TestBodyWaitsForTheWindow(t *testing.T) {
	s := newH2Stage(t, nil)
	x := s.begin()
	p := s.accept().greet()
	x.expect("connected")
	const size = 100_000
	s.on(func() {
		x.attempt.Request(&semantics.Request{Method: []byte("POST"), Length: size + 1}, []byte("/"))
		x.attempt.Data(make([]byte, size))
		x.attempt.Flush()
		if n := x.attempt.Pending(); n != size-65535 {
			t.Errorf("%d bytes wait, want %d", n, size-65535)
		}
	})
	got := 0
	for got < 65535 {
		got += len(p.next(dataFrame).payload)
	}
	p.frame(windowFrame, 0, 0, "\x00\x10\x00\x00")
	p.frame(windowFrame, 0, 1, "\x00\x10\x00\x00")
	x.expect("writable")
	for got < size {
		got += len(p.next(dataFrame).payload)
	}
	s.on(func() {
		x.attempt.Data([]byte("x"))
		x.attempt.EndRequest(nil)
		x.attempt.Flush()
	})
	if f := p.next(dataFrame); f.flags != endStream || f.payload != "x" || got != size {
		t.Errorf("after %d bytes came %+v", got, f)
	}
}

// A client that does not keep up keeps the window of its stream shut, and of no other.
func TestPausedStreamGetsNoWindow(t *testing.T) {
	s := newH2Stage(t, nil)
	p, all := s.connected(2)
	s.on(func() { all[0].deaf = true })
	for _, id := range []uint32{1, 3} {
		p.frame(headersFrame, endHeaders, id, status200)
		for range 3 {
			p.frame(dataFrame, 0, id, strings.Repeat("x", 16384))
		}
	}
	for f := p.next(windowFrame); f.id != 3; f = p.next(windowFrame) {
		if f.id == 1 && len(f.payload) > 0 {
			t.Fatal("the window of a paused stream opens")
		}
	}
	s.on(all[0].attempt.Resume)
	if f := p.next(windowFrame); f.id != 1 {
		t.Errorf("the window of %d opens, want that of 1", f.id)
	}
}

// A panic in the code of one exchange ends its stream. What the same read brought for others is told.
func TestPanicInAStreamEndsItAlone(t *testing.T) {
	s := newH2Stage(t, nil)
	p, all := s.connected(3)
	s.on(func() { all[0].faulty = true })
	var read strings.Builder
	for i := range all {
		fmt.Fprintf(&read, "\x00\x00\x01\x01\x05\x00\x00\x00%c%s", 2*i+1, status200)
	}
	p.say(read.String())
	all[1].expect("response 200", "end")
	all[2].expect("response 200", "end")
	all[0].expect("response 200", "crashed")
	x := s.begin()
	if !x.attempt.Ready() {
		t.Error("the connection is not used any more")
	}
	s.on(x.attempt.Cancel)
}

// What may not be repeated is not sent on a connection that the backend has just ended.
func TestPostIsNotSentOnAnEndedSession(t *testing.T) {
	for method, want := range map[string]string{
		"POST": "failed connection_terminated reused", "GET": "failed connection_terminated sent reused",
	} {
		s := newH2Stage(t, nil)
		p, all := s.connected(1)
		p.frame(headersFrame, endHeaders|endStream, 1, status200)
		all[0].expect("response 200", "end")
		x := &exchange{stage: s, heard: make(chan string, 16)}
		s.on(func() { // in one round, so that the loop has not heard of the end
			if err := p.conn.CloseWrite(); err != nil {
				t.Error(err)
			}
			x.attempt = s.backend.Acquire(x, upstream.Want{})
			x.attempt.Request(&semantics.Request{Method: []byte(method)}, []byte("/"))
			x.attempt.Flush()
		})
		x.expect(want)
	}
}
