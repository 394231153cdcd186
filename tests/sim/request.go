//go:build sim

package sim

import (
	"fmt"
	"strings"
	"time"

	"lb/proxy/balance"
)

// request is what a client asks for, and what became of it.
type request struct {
	id     int
	client *client
	method string
	old    bool // HTTP/1.0
	length int  // of its body
	flaw   *flaw
	chunked, trailers, expects, upgrades,
	sabotaged bool
	home *host // that its cookie names

	begun    int64  // when its first byte was sent; 0: none was
	offset   int    // in the client's stream, of its first byte
	whole    bool   // sent to its end
	excused  string // why anything may become of it
	attempts []attempt
	replies  []*reply

	status    int    // of the final head; 0: none came
	own       string // Proxy-Status: lb answered itself
	reply     *reply // that came
	got       int    // bytes of its body
	answered  bool   // to the end
	tunnelled int    // bytes of the client, once it has said all of them
	logged    int
}

// flaw is what is wrong with a request, and how it is to be answered.
type flaw struct {
	head   string // instead of a good one
	chunk  string // instead of a good one, in the body; <> is data
	status int
}

var flaws = []flaw{
	{head: "GET %s HTTP/1.1\r\nHost : a\r\n\r\n", status: 400},
	{head: "GET %s HTTP/1.1\r\n\r\n", status: 400},
	{head: "GET %s HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", status: 400},
	{head: "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", status: 400},
	{head: "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 400},
	{head: "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", status: 501},
	{head: "GET %s HTTP/2.0\r\nHost: a\r\n\r\n", status: 505},
	{head: "GET %s HTTP/1.1\nHost: a\n\n", status: 400},
	{head: "GET %s HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", status: 400},
	{head: "GET %s HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", status: 431},
	{head: "G\x00T %s HTTP/1.1\r\nHost: a\r\n\r\n", status: 400},
	{chunk: "zz\r\n", status: 400},
	{chunk: "5\r\n<>fg\r\n", status: 400},
	{chunk: "fffffffffffffffff\r\n", status: 400},
}

// safe methods and those that may be repeated (RFC 9110 §9.2.2).
func (r *request) idempotent() bool { return r.method != "POST" && r.method != "PATCH" }

func (r *request) String() string { return fmt.Sprintf("r%d %s", r.id, r.method) }

func (r *request) excuse(why string) {
	if r.excused == "" {
		r.excused = why
	}
}

// newRequest draws a good one.
func (c *client) newRequest() *request {
	d, w := c.dice, c.w
	w.count++
	r := &request{id: w.count, client: c}
	w.requests[r.id] = r
	r.method = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}[d.weighted(40, 5, 25, 15, 3, 3, 4)]
	if r.method == "POST" || r.method == "PUT" || r.method == "PATCH" {
		r.length = d.size(w.profile.largest)
		r.chunked = d.chance(40)
		r.trailers = r.chunked && d.chance(30)
		r.expects = d.chance(15)
	}
	return r
}

// lines are what the client says for the request.
func (r *request) lines() []line {
	d := r.client.dice
	if r.flaw != nil && r.flaw.head != "" {
		return []line{{data: fmt.Appendf(nil, r.flaw.head, fmt.Sprintf("/r%d", r.id))}}
	}
	list := []line{{data: []byte(r.head())}}
	if r.expects {
		list = append(list, line{until: r.client.maySendBody(r)})
	}
	body := stream{key: uint64(r.id)}
	if !r.chunked {
		return append(list, line{data: body.bytes(r.length)})
	}
	var b []byte
	for left := r.length; left > 0; {
		n := max(d.size(left), left/40, 1)
		b = fmt.Appendf(b, "%x%s\r\n", n, one(d, "", "", ";a=b"))
		b = append(append(b, body.bytes(n)...), "\r\n"...)
		left -= n
	}
	if r.flaw != nil {
		return append(list, line{data: append(b, strings.Replace(r.flaw.chunk, "<>", string(body.bytes(5)), 1)...)})
	}
	b = append(b, "0\r\n"...)
	if r.trailers {
		b = fmt.Appendf(b, "X-Trailer: %d\r\n", r.id)
	}
	return append(list, line{data: append(b, "\r\n"...)})
}

func (r *request) head() string {
	d := r.client.dice
	version, host := "1.1", "Host: sim.example\r\n"
	if r.old {
		version = "1.0"
	}
	b := &strings.Builder{}
	if d.chance(3) {
		b.WriteString("\r\n")
	}
	filler := strings.Repeat("f", d.size(3000))
	fmt.Fprintf(b, "%s /r%d HTTP/%s\r\n%sX-Filler: %s\r\n", r.method, r.id, version, host, filler)
	if d.chance(10) {
		b.WriteString("Connection: x-hop\r\nX-Hop: 1\r\n")
	}
	switch {
	case r.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	case r.length > 0 || r.method == "POST":
		fmt.Fprintf(b, "Content-Length: %d\r\n", r.length)
	}
	if name := r.client.w.config.Sticky; name != "" && d.chance(60) {
		r.home = one(d, r.client.w.hosts...)
		fmt.Fprintf(b, "Cookie: a=b; %s=%016x\r\n", name, balance.Sum([]byte(r.home.backend.ID())))
	}
	if r.expects {
		b.WriteString("Expect: 100-continue\r\n")
	}
	if r.upgrades {
		b.WriteString("Connection: upgrade\r\nUpgrade: sim\r\n")
	}
	if r.old && d.chance(50) {
		b.WriteString("Connection: keep-alive\r\n")
	}
	if r.sabotaged {
		b.WriteString("X-Lb-Fault: connection\r\n")
	}
	return b.String() + "\r\n"
}

// patience of a client that waits for 100 before it sends the body (RFC 9110 §10.1.1).
const patience = 700 * time.Millisecond

// maySendBody waits for 100, for an answer, or for as long as a client should.
func (c *client) maySendBody(r *request) func() bool {
	began := int64(0)
	return func() bool {
		if began == 0 {
			began = c.k.agenda.now
			c.k.agenda.after(patience, c.sock.id, c.awake)
		}
		return c.continued == r || r.status != 0 || c.k.agenda.now-began >= int64(patience)
	}
}
