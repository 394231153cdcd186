package tests

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// streams is one connection to a server of HTTP/2 that does, frame by frame, what a script says.
type streams struct {
	*http2.Framer
	conn *net.TCPConn
	enc  *hpack.Encoder
	out  bytes.Buffer
}

// h2Request is the head of a request, and whether nothing follows it.
type h2Request struct {
	id     uint32
	fields []hpack.HeaderField
	ended  bool
}

// startStreams runs the script on each connection, after the settings were exchanged, until the test ends.
func startStreams(t *testing.T, settings []http2.Setting, script func(*streams)) (backend string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				if s := greet(conn.(*net.TCPConn), settings); s != nil {
					script(s)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return "h2c://" + l.Addr().String()
}

func greet(conn *net.TCPConn, settings []http2.Setting) *streams {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, preface); err != nil || string(preface) != http2.ClientPreface {
		return nil
	}
	s := &streams{Framer: http2.NewFramer(conn, conn), conn: conn}
	s.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.AllowIllegalWrites = true
	s.enc = hpack.NewEncoder(&s.out)
	s.WriteSettings(settings...)
	return s
}

// next reads up to a frame that the function wants; false at the end of the connection. Settings are confirmed.
func (s *streams) next(wanted func(http2.Frame) bool) bool {
	for {
		f, err := s.ReadFrame()
		if err != nil {
			return false
		}
		if settings, ok := f.(*http2.SettingsFrame); ok && !settings.IsAck() {
			s.WriteSettingsAck()
		}
		if wanted(f) {
			return true
		}
	}
}

// request reads up to the head of the next request; nil at the end of the connection.
func (s *streams) request() (r *h2Request) {
	s.next(func(f http2.Frame) bool {
		h, ok := f.(*http2.MetaHeadersFrame)
		if ok {
			r = &h2Request{h.StreamID, h.Fields, h.StreamEnded()}
		}
		return ok
	})
	return r
}

// value is that of the first field of the name.
func (r *h2Request) value(name string) string {
	for _, f := range r.fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// head writes the head of a response.
func (s *streams) head(id uint32, last bool, fields ...string) {
	s.out.Reset()
	for i := 0; i < len(fields); i += 2 {
		s.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	s.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: s.out.Bytes(), EndHeaders: true, EndStream: last,
	})
}

// ok answers 200.
func (s *streams) ok(id uint32, body string) {
	s.head(id, false, ":status", "200")
	s.WriteData(id, true, []byte(body))
}

// hold stays silent until the other side ends the connection.
func (s *streams) hold() { io.Copy(io.Discard, s.conn) }

// startH2C runs a handler on Go's own server, in clear text, by prior knowledge of HTTP/2. streams is its limit of
// them.
func startH2C(t *testing.T, h http.Handler, streams ...int) (backend string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	if len(streams) > 0 {
		s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams[0]}
	}
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return "h2c://" + s.Listener.Addr().String()
}
