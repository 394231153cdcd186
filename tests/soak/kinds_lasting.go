//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// eventStream reads a stream of events for some seconds.
func eventStream(l *load, r *rand.Rand) error {
	count := 8 + r.IntN(16)
	return l.once(func(c *lane) error {
		if err := c.send(get(fmt.Sprintf("/events?count=%d", count), "Accept: text/event-stream")); err != nil {
			return err
		}
		response, err := c.response("GET", http.StatusOK)
		if err != nil {
			return err
		}
		stream := bufio.NewReader(response.Body)
		for i := range count {
			want := fmt.Sprintf("data: %d\n\n", i)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(stream, got); err != nil {
				return err
			}
			if string(got) != want {
				return &wrongAnswer{fmt.Sprintf("event %q instead of %q", got, want)}
			}
		}
		if n, err := stream.Read(make([]byte, 1)); n > 0 || err != io.EOF {
			return fmt.Errorf("%d bytes behind the last event: %w", n, errors.Join(err, io.ErrUnexpectedEOF))
		}
		return nil
	})
}

// tunnelled sends lines through a tunnel for some seconds, each of which comes back. HTTP/2 backends make no
// tunnel, and say so.
func tunnelled(l *load, r *rand.Rand) error {
	return l.once(func(c *lane) error {
		if err := c.send(get("/tunnel", "Connection: Upgrade", "Upgrade: websocket")); err != nil {
			return err
		}
		var status *otherStatus
		switch _, err := c.response("GET", http.StatusSwitchingProtocols); {
		case errors.As(err, &status) && status.code == http.StatusNotImplemented:
			return nil
		case err != nil:
			return err
		}
		for range 5 + r.IntN(20) {
			text := fmt.Sprintf("%x\n", randomPiece(r, 1+r.IntN(500)).bytes())
			if _, err := io.WriteString(c.TCPConn, text); err != nil {
				return err
			}
			got, err := c.reader.ReadString('\n')
			if err != nil {
				return err
			}
			if got != text {
				return &wrongAnswer{fmt.Sprintf("through a tunnel came %.40q instead of %.40q", got, text)}
			}
			time.Sleep(eventPause)
		}
		return nil
	})
}

// slowly is a reader with a pause before each read.
type slowly struct {
	io.Reader
	pause time.Duration
}

// Read implements io.Reader.
func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.Reader.Read(p)
}

// slowReader takes some seconds for a large body, so that lb has to stop reading from its backend.
func slowReader(l *load, r *rand.Rand) error {
	p := randomPiece(r, largest)
	return l.once(func(c *lane) error {
		c.SetReadBuffer(32 << 10)
		if err := c.send(get(p.target("/bytes"))); err != nil {
			return err
		}
		response, err := c.response("GET", http.StatusOK)
		if err != nil {
			return err
		}
		return p.compare(slowly{response.Body, 5 * time.Millisecond})
	})
}

// idler keeps a connection for longer than lb does, which has to end it, and not before its time. That begins anew in
// another process.
func idler(l *load, r *rand.Rand) error {
	p := smallPiece(r)
	return l.once(func(c *lane) error {
		if err := c.send(get(p.target("/bytes"))); err != nil {
			return err
		}
		if more, err := c.receive(p); err != nil || !more {
			return err
		}
		began := time.Now()
		c.SetDeadline(began.Add(2*idleTimeout + patience))
		_, err := c.reader.ReadByte()
		if waited := time.Since(began); err == io.EOF && waited < idleTimeout-time.Second {
			return fmt.Errorf("ended after %v of %v: %w", waited, idleTimeout, errCrossed)
		}
		if err == io.EOF {
			return nil
		}
		return err
	})
}
