package h2

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// flooded has the server send a frame again and again, and returns after how many the connection was given up.
func flooded(t *testing.T, line string) (rounds int, last string) {
	t.Helper()
	s := newScript(t)
	s.run("< settings")
	s.run("request GET / Host=h")
	s.run("request POST /p chunked Host=h")
	for ; rounds < 5000; rounds++ {
		s.out.Reset()
		if s.run(line); s.dead {
			return rounds, s.out.String()
		}
	}
	return rounds, s.out.String()
}

// Frames that cost us work, or an answer, and bring nothing on (CVE-2019-9512, -9514, -9515, -9518).
func TestFloodsEndTheConnection(t *testing.T) {
	for _, line := range []string{
		"< settings", "< settings ack", "< ping", "< ping ack", "< priority 1", "< unknown 1", "< window 0 1", "< window 1 1",
		"< headers 1 :status=103",
	} {
		rounds, last := flooded(t, line)
		if rounds > tolerance || !strings.Contains(last, "ENHANCE_YOUR_CALM") {
			t.Errorf("%s: given up after %d, %s", line, rounds, last)
		}
	}
}

func TestEmptyDataIsAFlood(t *testing.T) {
	s := newScript(t)
	s.run("< settings")
	s.run("request GET / Host=h")
	s.run("< headers 1 :status=200")
	for range tolerance + 10 {
		if s.run("< data 1"); s.dead {
			return
		}
	}
	t.Error("empty frames come without an end")
}

// What an honest server sends, two window updates for each frame of an upload and a ping now and then, is no flood.
func TestWorkPaysForFrames(t *testing.T) {
	s := newScript(t)
	s.run("< settings")
	s.run("request POST /p chunked Host=h")
	for range 5000 {
		s.run("write 1 x")
		s.run("< window 0 1")
		s.run("< window 1 1")
		s.run("< ping")
		s.out.Reset()
		if s.dead {
			t.Fatal("an honest server was taken for a hostile one")
		}
	}
}

// A server that is asked once in a while, for ever, and has nothing to say but that it lives, is none either.
func TestAnswersToPingsAreNoFlood(t *testing.T) {
	s := newScript(t)
	s.run("< settings")
	s.run("request GET / Host=h")
	for range 5000 {
		s.run("ping")
		s.run("< ping ack")
		s.out.Reset()
		if s.dead {
			t.Fatal("given up for its answers")
		}
	}
}

// RFC 9113 §10.5.1 and CVE-2024-27316: fields without an end, in many frames or in large ones.
func TestEndlessFieldSectionEndsTheConnection(t *testing.T) {
	for _, more := range []string{"", "a=b", "a=*16000"} {
		s := newScript(t)
		s.run("< settings")
		s.run("request GET / Host=h")
		s.run("< headers 1 more :status=200")
		frames := 0
		for ; !s.dead && frames < 1000; frames++ {
			s.run("< continuation 1 more " + more)
		}
		if frames > maxFragments {
			t.Errorf("%q: given up after %d frames", more, frames)
		}
	}
}

// A field that is small on the wire and large in memory: an entry of the table, named again and again.
func TestBombOfFieldsIsBounded(t *testing.T) {
	s := newScript(t)
	s.run("< settings")
	s.run("request GET / Host=h")
	s.run("request GET / Host=h")
	s.run("< headers 1 end :status=200 bomb=*4000")
	block := s.encode([]string{":status=200"})
	for range 16000 {
		block = append(block, 0x80|62) // the newest entry
	}
	_ = s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block, EndHeaders: true, EndStream: true})
	s.out.Reset()
	s.receive()
	if got := s.out.String(); !strings.Contains(got, "head too long") {
		t.Errorf("got %s", got)
	}
	if n := cap(s.conn.block.bytes); n > 4*defaultHeadBytes {
		t.Errorf("%d bytes are kept of it", n)
	}
}

func TestManyFieldsAreTooMany(t *testing.T) {
	s := newScript(t)
	s.run("< settings")
	s.run("request GET / Host=h")
	s.out.Reset()
	s.run("< headers 1 end :status=200" + strings.Repeat(" a=b", maxFields+1))
	if got := s.out.String(); !strings.Contains(got, "head too long") {
		t.Errorf("got %s", got)
	}
}
