package tests

import (
	"testing"

	"golang.org/x/net/http2"
)

// hostilities are what a server may answer a request with that breaks the rules.
var hostilities = map[string]func(s *streams, r *h2Request){
	"push": func(s *streams, r *h2Request) {
		s.WritePushPromise(http2.PushPromiseParam{StreamID: r.id, PromiseID: 2, EndHeaders: true})
	},
	"data on no stream": func(s *streams, _ *h2Request) { s.WriteData(99, true, nil) },
	"window of nothing": func(s *streams, _ *h2Request) { s.WriteWindowUpdate(0, 0) },
	"window overflow":   func(s *streams, _ *h2Request) { s.WriteWindowUpdate(0, 1<<31-1) },
	"bad compression":   func(s *streams, r *h2Request) { s.WriteRawFrame(http2.FrameHeaders, 4, r.id, []byte{0xff}) },
	"large frame": func(s *streams, r *h2Request) {
		s.WriteRawFrame(http2.FrameData, 0, r.id, make([]byte, 1<<20))
	},
	"upper case":       func(s *streams, r *h2Request) { s.head(r.id, true, ":status", "200", "Upper", "x") },
	"connection field": func(s *streams, r *h2Request) { s.head(r.id, true, ":status", "200", "connection", "close") },
	"missing content":  func(s *streams, r *h2Request) { s.head(r.id, true, ":status", "200", "content-length", "5") },
	"no status":        func(s *streams, r *h2Request) { s.head(r.id, true, "a", "b") },
	"zeros in a value": func(s *streams, r *h2Request) {
		s.head(r.id, true, ":status", "200", "a", string(make([]byte, 15000)))
	},
	"reset":    func(s *streams, r *h2Request) { s.WriteRSTStream(r.id, http2.ErrCodeInternal) },
	"end":      func(s *streams, _ *h2Request) { s.conn.Close() },
	"settings": forever(func(s *streams, _ *h2Request) error { return s.WriteSettings() }),
	"pings":    forever(func(s *streams, _ *h2Request) error { return s.WritePing(false, [8]byte{}) }),
	"answers":  forever(func(s *streams, _ *h2Request) error { return s.WritePing(true, [8]byte{}) }),
	"windows":  forever(func(s *streams, r *h2Request) error { return s.WriteWindowUpdate(r.id, 1) }),
	"unknown":  forever(func(s *streams, r *h2Request) error { return s.WriteRawFrame(99, 0, r.id, nil) }),
	"fields": func(s *streams, r *h2Request) {
		s.WriteHeaders(http2.HeadersFrameParam{StreamID: r.id})
		for s.WriteContinuation(r.id, false, nil) == nil {
		}
	},
}

func forever(do func(*streams, *h2Request) error) func(*streams, *h2Request) {
	return func(s *streams, r *h2Request) {
		for do(s, r) == nil {
		}
	}
}

// A server that breaks the rules costs its own requests, whatever it sends; lb goes on.
func TestHostileServersOfHTTP2(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for name, hostile := range hostilities {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			back := startStreams(t, nil, func(s *streams) {
				for r := s.request(); r != nil; r = s.request() {
					if r.value(":path") == "/fine" {
						s.ok(r.id, "fine")
						continue
					}
					hostile(s, r)
				}
			})
			b := start(t, settings{backends: []string{back}, args: []string{"--health-type", "off"}})
			c := b.dial(t)
			for range 3 {
				if m := c.roundTrip("POST", "/", "Content-Length: 0"); m.status() != 502 {
					t.Errorf("got %v, want 502", m)
				}
				c.roundTrip("GET", "/fine").expect(t, 200, "fine")
			}
			b.expectMemory(t, 60<<20)
		})
	}
}

// A body without an end, in more bytes than any window allows, or in empty frames.
func TestHostileBodiesOfHTTP2(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	for name, block := range map[string][]byte{"more than the window": make([]byte, 16<<10), "empty frames": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			back := startStreams(t, nil, func(s *streams) {
				if r := s.request(); r != nil {
					s.head(r.id, false, ":status", "200")
					forever(func(s *streams, r *h2Request) error { return s.WriteData(r.id, false, block) })(s, r)
				}
			})
			b := start(t, settings{backends: []string{back}, args: []string{"--health-type", "off"}})
			c := b.dial(t)
			c.send(head("GET", "/"))
			if m, err := readMessage(c.reader, "GET"); err == nil {
				t.Errorf("got %v, want a response that is visibly cut", m)
			}
			b.expectMemory(t, 60<<20)
		})
	}
}
