package tests

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

const (
	opText  = 1
	opClose = 8
)

// webSocketAccept is the answer to a key (RFC 6455 §4.2.2).
func webSocketAccept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// frame writes a WebSocket frame; those of a client are masked (RFC 6455 §5.2).
func frame(opcode byte, payload []byte, masked bool) []byte {
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	f := []byte{0x80 | opcode, bit | 127}
	f = binary.BigEndian.AppendUint64(f, uint64(len(payload)))
	if !masked {
		return append(f, payload...)
	}
	mask := [4]byte{0x12, 0x34, 0x56, 0x78}
	f = append(f, mask[:]...)
	for i, c := range payload {
		f = append(f, c^mask[i%4])
	}
	return f
}

// readFrame reads a frame that frame wrote.
func readFrame(r io.Reader) (opcode byte, payload []byte, err error) {
	var start [10]byte
	if _, err = io.ReadFull(r, start[:]); err != nil {
		return 0, nil, err
	}
	var mask [4]byte
	if start[1]&0x80 != 0 {
		if _, err = io.ReadFull(r, mask[:]); err != nil {
			return 0, nil, err
		}
	}
	payload = make([]byte, binary.BigEndian.Uint64(start[2:]))
	_, err = io.ReadFull(r, payload)
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return start[0] & 0x0f, payload, err
}

// webSocketEcho accepts an upgrade and sends every message back, then closes as it is told to.
func webSocketEcho(v *visit) {
	m := v.request()
	if m == nil {
		return
	}
	key, _ := m.field("Sec-WebSocket-Key")
	upgrade, _ := m.field("Upgrade")
	if !m.hasToken("Connection", "upgrade") || upgrade != "websocket" {
		v.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	v.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		webSocketAccept(key) + "\r\n\r\n")
	for {
		opcode, payload, err := readFrame(v.reader)
		if err != nil {
			return
		}
		v.send(string(frame(opcode, payload, false)))
		if opcode == opClose {
			return
		}
	}
}

var webSocketRequest = head("GET", "/chat", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
	"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")

func expectSwitch(t *testing.T, c *client) {
	t.Helper()
	m := c.response("GET")
	accept, _ := m.field("Sec-WebSocket-Accept")
	if m.status() != 101 || accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || !m.hasToken("Connection", "upgrade") {
		t.Fatalf("got %q with %q, want 101 with the sample answer of RFC 6455 §1.3", m.start, m.fields)
	}
	if upgrade, _ := m.field("Upgrade"); upgrade != "websocket" {
		t.Errorf("Upgrade: %q", upgrade)
	}
}

func TestWebSocketEcho(t *testing.T) {
	t.Parallel()
	back := startBackend(t, webSocketEcho)
	c := start(t, settings{backends: []string{back.addr}}).dial(t)
	c.send(webSocketRequest)
	expectSwitch(t, c)
	large, _ := io.ReadAll(newPattern(3 << 20))
	for _, message := range [][]byte{[]byte("hello"), {}, large, []byte("again")} {
		echoed := make(chan error, 1)
		go func() { echoed <- expectFrame(c.reader, opText, message) }()
		c.send(string(frame(opText, message, true)))
		if err := <-echoed; err != nil {
			t.Fatal(err)
		}
	}
	c.send(string(frame(opClose, []byte{3, 232}, true)))
	if err := expectFrame(c.reader, opClose, []byte{3, 232}); err != nil {
		t.Error(err)
	}
	if !c.ended() {
		t.Error("the tunnel goes on after the backend left it")
	}
}

func expectFrame(r *bufio.Reader, opcode byte, payload []byte) error {
	op, got, err := readFrame(r)
	switch {
	case err != nil:
		return err
	case op != opcode || !bytes.Equal(got, payload):
		return fmt.Errorf("got opcode %d with %d bytes, want %d with %d", op, len(got), opcode, len(payload))
	}
	return nil
}

// Bytes that a hasty client sends behind its request belong to the tunnel.
func TestTunnelTakesBytesSentWithTheRequest(t *testing.T) {
	t.Parallel()
	back := startBackend(t, webSocketEcho)
	c := start(t, settings{backends: []string{back.addr}}).dial(t)
	c.send(webSocketRequest + string(frame(opText, []byte("early"), true)))
	expectSwitch(t, c)
	if err := expectFrame(c.reader, opText, []byte("early")); err != nil {
		t.Error(err)
	}
}

func TestRefusedUpgradeLeavesHTTP(t *testing.T) {
	t.Parallel()
	b, _ := startPair(t, answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"))
	c := b.dial(t)
	for range 2 {
		c.send(webSocketRequest)
		c.response("GET").expect(t, 403, "no")
	}
}

// RFC 9110 §7.8: only what the client asked for may be switched to. A 101 out of the blue is not a response.
func TestUnaskedSwitchIsNoTunnel(t *testing.T) {
	t.Parallel()
	b, _ := startPair(t, answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"))
	peerDiffers(t, "nginx", "relays it")
	if m := b.get(t, "/"); m.status() != 502 {
		t.Errorf("got %q, want 502", m.start)
	}
}

// Each side of a tunnel may end its direction and still receive.
func TestTunnelHalfClose(t *testing.T) {
	t.Parallel()
	peerDiffers(t, "nginx", "ends both directions")
	back := startBackend(t, func(v *visit) {
		if v.request() == nil {
			return
		}
		v.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		all, err := io.ReadAll(v.reader)
		v.send(fmt.Sprintf("%s, %v", all, err))
	})
	c := start(t, settings{backends: []string{back.addr}}).dial(t)
	c.send(head("GET", "/", "Upgrade: x", "Connection: upgrade"))
	if m := c.response("GET"); m.status() != 101 {
		t.Fatal(m.start)
	}
	c.send("to the end")
	c.CloseWrite()
	if all, err := io.ReadAll(c.reader); string(all) != "to the end, <nil>" {
		t.Errorf("got %q, %v", all, err)
	}
}

// A reset on one side of a tunnel must not look like an orderly end on the other.
func TestTunnelResetReachesTheOtherSide(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	back := startBackend(t, func(v *visit) {
		if v.request() == nil {
			return
		}
		v.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		if _, err := v.reader.ReadByte(); err == nil {
			v.reset()
		}
	})
	c := start(t, settings{backends: []string{back.addr}}).dial(t)
	c.send(head("GET", "/", "Upgrade: x", "Connection: upgrade"))
	if m := c.response("GET"); m.status() != 101 {
		t.Fatal(m.start)
	}
	c.send("x")
	if _, err := c.reader.ReadByte(); err == nil || errors.Is(err, io.EOF) || strings.Contains(err.Error(), "timeout") {
		t.Errorf("got %v, want a reset", err)
	}
}
