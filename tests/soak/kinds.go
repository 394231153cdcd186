//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// kind is a kind of request, with its share of all.
type kind struct {
	name  string
	share int // thousandths
	run   func(l *load, r *rand.Rand) error
}

// kinds are the mixture. Those that last hold some hundred connections at a time.
var kinds = []kind{
	{"keep-alive", 430, keptAlive},
	{"new connection", 140, newConnection},
	{"old protocol", 10, oldProtocol},
	{"head", 20, headOnly},
	{"pipelined", 40, pipelined},
	{"echo", 100, echoed},
	{"echo in chunks", 60, echoedInChunks},
	{"expects 100", 10, expectant},
	{"chunked", 40, chunkedDownload},
	{"download", 10, download},
	{"slow backend", 5, slowBackend},
	{"slow reader", 3, slowReader},
	{"events", 4, eventStream},
	{"tunnel", 5, tunnelled},
	{"idle", 3, idler},
	{"leaves in a download", 20, leaveInDownload},
	{"leaves in an upload", 20, leaveInUpload},
	{"leaves at once", 10, leaveAtOnce},
	{"stops in a head", 1, stopInHead},
	{"stops in a body", 1, stopInBody},
	{"malformed", 30, malformed},
	{"bad: reset", 18, badReset},
	{"bad: nonsense", 18, badNonsense},
	{"bad: late", 2, badLate},
}

const shares = 1000

func get(target string, fields ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: soak.test\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

func smallPiece(r *rand.Rand) piece { return randomPiece(r, 1+r.IntN(200)) }

func keptAlive(l *load, r *rand.Rand) error {
	c, err := l.take()
	if err != nil {
		return err
	}
	p := smallPiece(r)
	if err := c.send(get(p.target("/bytes"))); err != nil {
		c.Close()
		return err
	}
	if more, err := c.receive(p); err != nil || !more {
		c.Close()
		return err
	}
	l.put(c)
	return nil
}

// once runs an exchange on a connection of its own.
func (l *load) once(do func(c *lane) error) error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}

// fetch gets one piece on a connection of its own.
func (l *load) fetch(p piece, request string) error {
	return l.once(func(c *lane) error {
		if err := c.send(request); err != nil {
			return err
		}
		_, err := c.receive(p)
		return err
	})
}

func newConnection(l *load, r *rand.Rand) error {
	p := smallPiece(r)
	return l.fetch(p, get(p.target("/bytes"), "Connection: close"))
}

func oldProtocol(l *load, r *rand.Rand) error {
	p := randomPiece(r, 20000)
	return l.fetch(p, "GET "+p.target("/bytes")+"&chunked=1 HTTP/1.0\r\n\r\n")
}

func chunkedDownload(l *load, r *rand.Rand) error {
	p := randomPiece(r, 1+r.IntN(60000))
	return l.fetch(p, get(p.target("/bytes")+"&chunked=1"))
}

func download(l *load, r *rand.Rand) error {
	p := randomPiece(r, largest)
	return l.fetch(p, get(p.target("/bytes")))
}

func slowBackend(l *load, r *rand.Rand) error {
	p := smallPiece(r)
	return l.fetch(p, get(p.target("/slow")))
}

func headOnly(l *load, r *rand.Rand) error {
	p := smallPiece(r)
	return l.once(func(c *lane) error {
		if err := c.send("HEAD " + p.target("/bytes") + " HTTP/1.1\r\nHost: soak.test\r\n\r\n"); err != nil {
			return err
		}
		response, err := c.response("HEAD", http.StatusOK)
		if err == nil && response.ContentLength != int64(p.size) {
			err = &wrongAnswer{fmt.Sprintf("length %d of %d", response.ContentLength, p.size)}
		}
		return err
	})
}

// pipelined sends five requests at once; their answers come in their order.
func pipelined(l *load, r *rand.Rand) error {
	return l.once(func(c *lane) error {
		var requests strings.Builder
		var pieces []piece
		for range 5 {
			p := smallPiece(r)
			pieces = append(pieces, p)
			requests.WriteString(get(p.target("/bytes")))
		}
		if err := c.send(requests.String()); err != nil {
			return err
		}
		for i, p := range pieces {
			more, err := c.receive(p)
			if err != nil || !more && i < len(pieces)-1 {
				return err // lb may announce the end: then what follows is not served
			}
		}
		return nil
	})
}

func post(length string, fields ...string) string {
	return "POST /echo HTTP/1.1\r\nHost: soak.test\r\n" + strings.Join(append(fields, length), "\r\n") + "\r\n\r\n"
}

func echoed(l *load, r *rand.Rand) error {
	p := randomPiece(r, 1+r.IntN(piecemax))
	return l.fetch(p, post(fmt.Sprintf("Content-Length: %d", p.size))+string(p.bytes()))
}

func echoedInChunks(l *load, r *rand.Rand) error {
	p := randomPiece(r, 1+r.IntN(piecemax))
	var body strings.Builder
	for rest := p.bytes(); len(rest) > 0; {
		n := min(len(rest), 1+r.IntN(20000))
		fmt.Fprintf(&body, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	return l.fetch(p, post("Transfer-Encoding: chunked")+body.String()+"0\r\nX-Sum: 1\r\n\r\n")
}

// expectant waits for 100 before it sends its body (RFC 9110 §10.1.1).
func expectant(l *load, r *rand.Rand) error {
	p := randomPiece(r, 1+r.IntN(piecemax))
	return l.once(func(c *lane) error {
		if err := c.send(post(fmt.Sprintf("Content-Length: %d", p.size), "Expect: 100-continue")); err != nil {
			return err
		}
		response, err := c.response("POST", http.StatusContinue)
		if err != nil {
			return err
		}
		response.Body.Close()
		if _, err := c.Write(p.bytes()); err != nil {
			return err
		}
		_, err = c.receive(p)
		return err
	})
}
