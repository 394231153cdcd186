package proxy

import (
	"net/netip"
	"time"

	"lb/messages"
	"lb/proxy/balance"
	"lb/proxy/downstream"
	"lb/proxy/loop"
	"lb/proxy/semantics"
	"lb/proxy/transport"
	"lb/proxy/upstream"
)

// Loop is the event loop that a worker lives on.
type Loop = loop.Loop

// Tracer shows what passes on connections.
type Tracer = transport.Tracer

// Handshake is one of TLS that a Tracer shows.
type Handshake = transport.Handshake

// NewLoop makes an event loop. panicked is told on the loop's thread of a panic in the code of any handler; it is to pass
// that on to the Worker that lives there.
func NewLoop(panicked func(whose, value any, stack []byte)) (*Loop, error) {
	return loop.New(loop.Options{Panicked: panicked})
}

// Options of a worker. The functions are called on the loop's thread and must not block; each may be nil.
type Options struct {
	// Number of the worker, from 0.
	Number int
	// Workers that share the process's limit of connections; 1 when zero.
	Workers int
	// Report is told of an attempt that failed, and of the first success on that backend after it.
	Report func(messages.Outcome)
	// Access is told of each exchange that the configuration wants logged. The value is good during the call only.
	Access func(*Access)
	// Local is asked for the answer to a GET of /metrics, which is then not forwarded. It must not block: reply may be called
	// later, once, by any goroutine. body must not be written afterwards.
	Local func(path string, reply func(status int, contentType string, body []byte))
	// Go runs a function on a goroutine of that name; a panic in it must go no further. Needed for backends of HTTPS.
	Go func(name string, run func())
	// Credentials for TLS, shared by the workers of a process; own ones when nil.
	Credentials *Credentials
	// Tracer shows what passes; nil: nothing is shown.
	Tracer *Tracer
	// Fault is told of a panic in the code that serves connections, after those it hit were closed.
	Fault func(value any, stack []byte)
	// Random yields the bits that random choices are made by; math/rand/v2 when nil.
	Random func() uint64
}

// Worker is one event loop with its listener and its connections. Its methods are for the loop's thread.
type Worker struct {
	// Immutable.
	options Options
	loop    *loop.Loop

	// Loop's thread only.
	config     *messages.Config
	balancer   *balance.Balancer
	backends   map[string]*backend // by ID
	clients    downstream.Clients
	pool       upstream.Pool
	net        *transport.Network
	listeners  map[int]*listener // by descriptor
	retries    budget
	chooser    chooser
	queue      queue
	ejection   ejection
	stats      messages.Stats
	running    int       // exchanges
	ending     *exchange // whose last words are being written: its attempt is over, and no connection may know it any more
	mark       []byte    // what all ids of requests begin with
	identified uint64    // ids made
	drain      drain

	// Scratch of whichever exchange has its turn.
	request  semantics.Request
	response semantics.Response
	forward  forwarder
	path     route
	day      day
	access   Access
	spare    []*exchange
}

// backend is what a worker knows of a backend.
type backend struct {
	member balance.Member
	pool   *upstream.Backend
	id     string
	scheme messages.Scheme
	standing
	failing bool // the last outcome was reported as a failure
	badge   badge
	stats   messages.BackendStats
}

// NewWorker makes a worker on a loop. It forwards nothing before the first Apply, and accepts nothing before Listen.
func NewWorker(l *loop.Loop, o Options) *Worker {
	defaults := messages.DefaultConfig()
	w := &Worker{
		options: o, loop: l, config: &defaults,
		balancer: balance.New(o.Random), backends: make(map[string]*backend), listeners: make(map[int]*listener),
		net: &transport.Network{Loop: l, Go: o.Go, Tracer: o.Tracer}, retries: newBudget(),
	}
	if w.options.Credentials == nil {
		w.options.Credentials = new(Credentials)
	}
	w.clients = downstream.Clients{Net: w.net, Server: w, Config: w.config}
	w.pool = upstream.Pool{Net: w.net, Config: w.config}
	w.drain.timer.Owner = w
	w.queue.worker, w.queue.timer.Owner = w, &w.queue
	w.ejection.worker, w.ejection.timer.Owner = w, &w.ejection
	return w
}

// Apply routes by a snapshot from now on. Running exchanges end as they began.
func (w *Worker) Apply(s *messages.Snapshot) {
	w.config = &s.Config
	w.clients.Config, w.pool.Config = w.config, w.config
	w.pool.TLS, _ = w.options.Credentials.Config(s.Config.TLS) // that files cannot be read is found by who makes snapshots
	w.ejection.order = make([]*backend, 0, len(s.Members))
	seen := make(map[string]bool, len(s.Members))
	for i := range s.Members {
		b := w.backend(s.Members[i])
		seen[b.id] = true
		b.stand(&s.Members[i])
		w.ejection.order = append(w.ejection.order, b)
	}
	for id := range w.backends {
		if !seen[id] {
			delete(w.backends, id)
		}
	}
	w.pool.Retain(s.Members)
	w.chooseUsable()
	w.acceptMore()
}

func (w *Worker) backend(m messages.Member) *backend {
	id := m.Backend.ID()
	b := w.backends[id]
	if b == nil {
		b = &backend{id: id, scheme: m.Backend.Scheme}
		w.backends[id] = b
	}
	w.enlist(b, &m)
	b.pool = w.pool.Backend(m)
	return b
}

// PoolStats returns a copy of the counters of the backend connections.
func (w *Worker) PoolStats() messages.PoolStats { return w.pool.Stats() }

// CloseIdle closes every idle connection to a backend.
func (w *Worker) CloseIdle() { w.pool.CloseIdle() }

// Stats returns a copy of the counters.
func (w *Worker) Stats() messages.Stats {
	s := w.stats
	s.Active, s.InFlight = int64(w.clients.Open()), int64(w.running)
	s.BytesIn, s.BytesOut = w.clients.Received, w.clients.Sent
	s.Backends = make(map[string]*messages.BackendStats, len(w.backends))
	for id, b := range w.backends {
		copied := b.stats
		copied.Pool = b.pool.Stats()
		s.Backends[id] = &copied
	}
	return s
}

// Running is the number of exchanges.
func (w *Worker) Running() int { return w.running }

// Close ends everything at once; the listening sockets stay open. A worker that is closed is not used again.
func (w *Worker) Close() {
	w.stopListening()
	w.clients.Abort(messages.ProxyInternalError)
	w.pool.Close()
	w.loop.Disarm(&w.drain.timer)
	w.loop.Disarm(&w.queue.timer)
	w.loop.Disarm(&w.ejection.timer)
}

// Panicked is what the loop is to call when the code of a handler panics: the connection that had its turn is closed, with
// its other half, and nothing else is.
func (w *Worker) Panicked(whose, value any, stack []byte) {
	w.clients.Reset()
	w.net.Reset()
	w.stats.Faults++
	w.crash(w.pool.Reset)
	if c, ok := whose.(interface{ Crashed() }); ok {
		w.crash(c.Crashed)
	}
	w.crash(w.pool.Crashed)
	w.crash(w.endingCrashed)
	w.crash(w.clients.Crashed)
	if w.options.Fault != nil {
		w.options.Fault(value, stack)
	}
}

// endingCrashed ends the exchange that was being ended when the code panicked.
func (w *Worker) endingCrashed() {
	x := w.ending
	w.ending = nil
	if x != nil {
		(*fromBackend)(x).Crashed()
	}
}

// crash closes what panicked. Its state may be anything, so that this may panic as well: then its descriptor is lost.
func (w *Worker) crash(end func()) {
	defer func() {
		if recover() != nil {
			w.stats.Faults++
		}
	}()
	end()
}

// exchange returns an empty one.
func (w *Worker) exchange() *exchange {
	if last := len(w.spare) - 1; last >= 0 {
		x := w.spare[last]
		w.spare[last] = nil
		w.spare = w.spare[:last]
		return x
	}
	return &exchange{worker: w}
}

// Bounds of what is kept for reuse.
const (
	maxSpareExchanges = 1024
	maxSpareBytes     = 4 << 10 // of a head or a body
)

func (w *Worker) recycle(x *exchange) {
	*x = exchange{
		worker: w, head: spareBytes(x.head), body: spareBytes(x.body), id: x.id[:0],
		mentions: mentions{words: spareBytes(x.words)},
	}
	if len(w.spare) < maxSpareExchanges {
		w.spare = append(w.spare, x)
	}
}

// spareBytes is what is kept of a buffer for its next use: nothing of a large one.
func spareBytes(b []byte) []byte {
	if cap(b) > maxSpareBytes {
		return nil
	}
	return b[:0]
}

// day is the present time as a Date field has it, made once a second (RFC 9110 §5.6.7).
type day struct {
	second int64
	text   []byte
}

// date is the value of a Date field for now.
func (w *Worker) date() []byte {
	now := w.loop.Wall()
	if second := now.Unix(); second != w.day.second || w.day.text == nil {
		w.day = day{second: second, text: now.UTC().AppendFormat(w.day.text[:0], "Mon, 02 Jan 2006 15:04:05 GMT")}
	}
	return w.day.text
}

// Accepted implements transport.Acceptor.
func (l *listener) Accepted(fd int, peer netip.AddrPort) (more bool) {
	return l.worker.accept(fd, peer)
}

// since is a duration of loop time.
func since(from, to int64) time.Duration { return time.Duration(to - from) }
