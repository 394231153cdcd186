package proxy

import (
	"lb/messages"
	"lb/proxy/balance"
	"lb/proxy/downstream"
	"lb/proxy/h1"
	"lb/proxy/semantics"
	"lb/proxy/transport"
	"lb/proxy/upstream"
)

// exchange is one request and its response: a backend is selected, an attempt made, perhaps another one, the response
// relayed, and the outcome reported. Exchanges are reused: nothing refers to one after its end.
type exchange struct {
	worker  *Worker
	client  *downstream.Conn
	conn    upstream.Attempt // the running one; nil without one
	backend *backend         // of the last attempt

	head     []byte            // of the request, as it came: each attempt reads it anew
	body     []byte            // of the request, from its beginning: what may have to be sent again, or was not sent yet
	trailers []semantics.Field // of the request; copies
	id       []byte            // of the request; empty until it is wanted
	mentions

	tried    [maxAttempts]*balance.Member
	attempts int
	method   semantics.Method
	flags
	selection
	waiting

	began     int64 // loop time
	responded int64 // loop time of the response's final head
	received  int64 // bytes of the request's body
	sent      int64 // bytes of the response's body
	status    int   // that the client got; 0: none
	reason    messages.Reason
	detail    string // of the reason
}

// flags of an exchange.
type flags struct {
	headRequest bool
	upgrade     bool // the client offers to change the protocol
	whole       bool // the request has come to its end
	sending     bool // the head is written on conn
	forgotten   bool // the body is not kept: no other attempt can be made once a byte of it was sent
	fresh       bool // the next attempt must not use an idle connection
	again       bool // the next attempt may be on the same backend, if there is no other: the failure was not its own
	suspect     bool // a backend has failed at it: if the next one does so, too, the request may be at fault
	late        bool // a backend was too late with its response
	interim     bool // a backend has begun to answer it
	answering   bool // the final head of the response went to the client
	tunnel      bool
	halfEnded   bool // one side of the tunnel has ended
}

// begin makes the exchange of a request.
func (w *Worker) begin(c *downstream.Conn, r *semantics.Request, head []byte) *exchange {
	x := w.exchange()
	x.client = c
	w.running++
	c.Begin((*fromClient)(x))
	x.head = append(x.head[:0], head...)
	x.method = semantics.MethodOf(r.Method)
	x.headRequest = x.method == semantics.MethodHead
	x.upgrade = offersUpgrade(r)
	x.began = w.loop.Now()
	if w.config.AccessLog == messages.AccessOn {
		x.identify(r) // its backend is to see it
		x.note(r)
	}
	x.recognise(r)
	w.retries.earn()
	sabotage(r)
	return x
}

// attempt selects a backend and begins to send the request to it, or has it wait for one. False: there was none, and the
// client has its answer.
func (x *exchange) attempt(r *semantics.Request) bool {
	if x.mustWait() {
		return x.wait()
	}
	m := x.pick()
	if m == nil {
		return x.wait()
	}
	x.try(m, r)
	return true
}

// try begins to send the request to a backend.
func (x *exchange) try(m *balance.Member, r *semantics.Request) {
	x.backend = m.Owner.(*backend)
	x.tried[x.attempts] = m
	x.attempts++
	x.conn = x.acquire() // first: who crashes is counted off by its connection
	x.backend.stats.InFlight++
	x.occupy(m)
	if x.conn.Ready() {
		x.send(r)
	}
}

// acquire takes a connection. One that waits idle may have been ended by its backend in this very moment: a request that
// may not be repeated is sent on one only after a look.
func (x *exchange) acquire() upstream.Attempt {
	want := upstream.Want{Fresh: x.fresh, Tunnel: x.upgrade}
	for {
		c := x.backend.pool.Acquire((*fromBackend)(x), want)
		if !c.Reused() || x.method.Idempotent() || c.Alive() {
			return c
		}
		c.Cancel()
	}
}

// send writes the head, and as much of the body as has come.
func (x *exchange) send(r *semantics.Request) {
	to := x.worker.route(x.client.Peer, x.backend)
	to.id = x.id
	target := x.worker.forward.request(r, to)
	x.conn.Request(r, target)
	x.sending = true
	if len(x.body) > 0 {
		x.conn.Data(x.body)
	}
	if x.whole {
		x.conn.EndRequest(x.trailers)
	}
}

// sendAgain is send after the request's bytes are out of the read buffer.
func (x *exchange) sendAgain() {
	x.send(x.parse())
	x.pushOn()
}

// pushOn pushes, and has the client go on unless the backend does not keep up.
func (x *exchange) pushOn() {
	x.push()
	if x.sending && x.conn.Pending() == 0 {
		x.client.Resume()
	}
}

// push sends what was written to the backend, and stops the client while the backend does not keep up.
func (x *exchange) push() {
	if !x.sending {
		x.client.Pause()
		return
	}
	x.conn.Flush()
	if !x.repeatable() {
		x.forget()
	}
	switch {
	case x.conn.Pending() > 0:
		x.client.Pause()
	case x.client.Abundant() && x.conn.Room() >= roomFor(transport.WideSize):
		x.client.Widen()
	}
}

// roomFor is what the kernel must have free to take n bytes at once: it counts its own overhead, too.
func roomFor(n int) int { return n + n/4 }

// repeatable reports whether another attempt may become allowed after the request was sent.
func (x *exchange) repeatable() bool { return x.method.Idempotent() || x.conn.Refusable() }

// parse reads the kept head again. It was sound the first time.
func (x *exchange) parse() *semantics.Request {
	r := &x.worker.request
	limits := h1.Limits{HeadBytes: len(x.head), TargetBytes: len(x.head), Fields: len(x.head)}
	if n, err := h1.ParseRequest(x.head, r, &limits); n == 0 || err != nil {
		panic(Fatal("a head that was read once cannot be read again"))
	}
	return r
}

// forget gives the kept part of the body up.
func (x *exchange) forget() {
	x.forgotten = x.forgotten || x.received > 0
	x.body = x.body[:0]
}

// failed makes another attempt, if that is allowed, or tells the client.
func (x *exchange) failed(f *upstream.Failure) {
	x.conn, x.sending = nil, false
	x.left()
	x.blame(f)
	if x.retries(f) {
		x.repeat(f)
		return
	}
	if x.answering {
		x.cut(f.Reason)
		return
	}
	x.answer(answerFor(f.Reason, f.Detail))
}

// answer ends the exchange with a response of our own.
func (x *exchange) answer(a answer) {
	x.cancel()
	x.worker.ending = x
	x.status, x.reason, x.detail = a.status, a.reason, a.detail
	c := x.client
	if a.status == 0 {
		x.worker.stats.Cuts[a.reason]++
		x.end()
		c.Abort()
		return
	}
	x.worker.stats.Answers[a.reason]++
	x.sent += int64(x.worker.write(c, a, x.headRequest))
	x.end()
	c.Done()
}

// cut ends the exchange in the middle of its response: the client gets what came, and must not take it for the whole.
func (x *exchange) cut(reason messages.Reason) {
	x.cancel()
	x.worker.ending = x
	x.reason = reason
	x.worker.stats.Cuts[reason]++
	c := x.client
	c.Flush()
	x.end()
	c.Abort()
}

// cancel gives the running attempt up.
func (x *exchange) cancel() {
	if x.conn != nil {
		x.left()
		x.conn.Cancel()
		x.conn = nil
	}
}

// crashed ends an exchange whose code has panicked. Nothing of it can be trusted, so that it is neither counted nor reused; one
// that was over already has no client.
func (x *exchange) crashed() {
	if x.client == nil {
		return
	}
	x.client = nil
	x.worker.running--
	x.worker.queue.leave(x)
	x.cancel()
}

// end counts the exchange, logs it, and makes it ready for reuse.
func (x *exchange) end() {
	w := x.worker
	w.queue.leave(x)
	w.count(x)
	w.log(x)
	w.running--
	w.ending = nil
	w.recycle(x)
}
