//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"time"
)

// Clients that leave, that stop in the middle or talk nonsense, and requests that a backend answers badly. However they
// end, those count as answered unless they end wrong.

// leaveInDownload leaves after a part of the body: by FIN, or by RST with bytes unread.
func leaveInDownload(l *load, r *rand.Rand) error {
	p := randomPiece(r, largest)
	return l.once(func(c *lane) error {
		if err := c.send(get(p.target("/bytes"))); err != nil {
			return err
		}
		response, err := c.response("GET", http.StatusOK)
		if err != nil {
			return err
		}
		part := piece{p.at, r.IntN(p.size / 2)}
		return part.compare(io.LimitReader(response.Body, int64(part.size)))
	})
}

// leaveInUpload leaves after a part of what it has announced.
func leaveInUpload(l *load, r *rand.Rand) error {
	p := randomPiece(r, piecemax)
	return l.once(func(c *lane) error {
		part := r.IntN(p.size)
		if err := c.send(post(fmt.Sprintf("Content-Length: %d", p.size)) + string(p.bytes()[:part])); err != nil {
			return err
		}
		if r.IntN(2) == 0 {
			c.SetLinger(0)
		}
		return nil
	})
}

// leaveAtOnce sends a request and does not wait.
func leaveAtOnce(l *load, r *rand.Rand) error {
	p := smallPiece(r)
	return l.once(func(c *lane) error {
		if r.IntN(2) == 0 {
			c.SetLinger(0)
		}
		return c.send(get(p.target("/slow")))
	})
}

// stopInHead begins a head and waits: lb answers 408 when its time is up.
func stopInHead(l *load, _ *rand.Rand) error {
	return l.once(func(c *lane) error {
		if err := c.send("GET / HTTP/1.1\r\nHost: so"); err != nil {
			return err
		}
		_, err := c.response("GET", http.StatusRequestTimeout)
		return err
	})
}

// stopInBody begins a body and waits: it gets what it has sent and then the end, or 408.
func stopInBody(l *load, r *rand.Rand) error {
	p := randomPiece(r, piecemax)
	return l.once(func(c *lane) error {
		if err := c.send(post(fmt.Sprintf("Content-Length: %d", p.size)) + string(p.bytes()[:100])); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, c.reader)
		return acceptable(err)
	})
}

// malformations are requests that lb answers 400 and closes.
var malformations = []string{
	"GET / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}

func malformed(l *load, r *rand.Rand) error {
	return l.once(func(c *lane) error {
		if err := c.send(malformations[r.IntN(len(malformations))]); err != nil {
			return err
		}
		response, err := c.response("GET", http.StatusBadRequest)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
		}
		return err
	})
}

// fails sends a request that its backend answers badly: no whole answer may come of it.
func (l *load) fails(target string) error {
	return l.once(func(c *lane) error {
		if err := c.send(get(target)); err != nil {
			return err
		}
		response, err := c.response("GET", http.StatusOK)
		if err != nil {
			return acceptable(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err == nil {
			return &wrongAnswer{fmt.Sprintf("%s: a whole answer with %d bytes", target, n)}
		}
		return acceptable(err)
	})
}

// acceptable lets pass what may become of a request that cannot be served.
func acceptable(err error) error {
	var status *otherStatus
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &status) && status.code < http.StatusBadGateway {
		return err
	}
	return nil
}

func badReset(l *load, _ *rand.Rand) error    { return l.fails("/bad/reset") }
func badNonsense(l *load, _ *rand.Rand) error { return l.fails("/bad/nonsense") }

// badLate lasts for as many attempts as lb makes.
func badLate(l *load, _ *rand.Rand) error {
	return l.once(func(c *lane) error {
		c.SetDeadline(time.Now().Add(3*responseTimeout + patience))
		if err := c.send(get("/bad/late")); err != nil {
			return err
		}
		_, err := c.response("GET", http.StatusOK)
		return acceptable(err)
	})
}
