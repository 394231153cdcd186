package upstream

import (
	"cmp"
	"crypto/tls"
	"maps"
	"slices"
	"strings"
	"time"

	"lb/messages"
	"lb/proxy/h1"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// DefaultMaxIdle is how many idle connections the pool of one backend keeps in one worker: above what one worker has in
// flight before its processor is the limit.
const DefaultMaxIdle = 1024

// Pool is the backend side of one worker. Loop's thread only.
type Pool struct {
	Net    *transport.Network
	Config *messages.Config // replaced, never written, by whoever applies a snapshot
	// TLS is what TLS to all backends has in common; nil for defaults. It must not be changed once it is here, but
	// replaced.
	TLS *tls.Config
	// MaxIdle bounds the idle connections of each backend; DefaultMaxIdle when zero.
	MaxIdle int
	// Silence is how long a connection of HTTP/2 that carries something hears nothing until its backend is asked whether
	// it is still there; 10 s when zero. A backend that does not answer gets no new streams half as long later, and is
	// given up two times as long later.
	Silence time.Duration

	backends map[string]*Backend // by ID
	out      transport.Gather
	response semantics.Response // of the connection whose turn it is
	frames   []byte             // what a session reads into; made by the first one
	spare    []*Stream
	inside   *session // whose codec has its turn: after a panic there, its state is not to be trusted
	told     Exchange // that its attempt is over, at this moment
}

// Stats is the sum over the present backends.
func (p *Pool) Stats() (sum messages.PoolStats) {
	for _, b := range p.backends {
		sum = sum.Add(b.stats)
	}
	return sum
}

// Backend returns the backend of a member, which it makes at the first call, and brings its addresses up to date.
func (p *Pool) Backend(m messages.Member) *Backend {
	id := m.Backend.ID()
	b := p.backends[id]
	if b == nil {
		if p.backends == nil {
			p.backends = make(map[string]*Backend)
		}
		b = &Backend{ID: id, Authority: []byte(m.Backend.Authority()), scheme: m.Backend.Scheme, pool: p}
		p.backends[id] = b
	}
	b.gone = false
	if m.Backend.Scheme == messages.HTTPS {
		b.secure(m.Backend.Host, p.TLS)
	}
	b.move(m.Addresses)
	return b
}

// Retain closes the idle connections of all backends but those of the members, and forgets them. Their exchanges go on.
func (p *Pool) Retain(members []messages.Member) {
	keep := make(map[string]bool, len(members))
	for i := range members {
		keep[members[i].Backend.ID()] = true
	}
	for _, b := range p.inOrder() {
		if !keep[b.ID] {
			b.retire()
			delete(p.backends, b.ID)
		}
	}
}

// inOrder are all backends, always in the same order: what is done to them can be seen from outside.
func (p *Pool) inOrder() []*Backend {
	byID := func(a, b *Backend) int { return strings.Compare(a.ID, b.ID) }
	return slices.SortedFunc(maps.Values(p.backends), byID)
}

// CloseIdle closes every idle connection.
func (p *Pool) CloseIdle() {
	for _, b := range p.inOrder() {
		b.closeIdle()
	}
}

// Close closes every idle connection, and those of running exchanges when these end.
func (p *Pool) Close() {
	for _, b := range p.inOrder() {
		b.retire()
	}
}

// Reset drops what was written and not flushed, after a panic in between. Frames that are whole are kept.
func (p *Pool) Reset() {
	p.out.Reset()
	if s := p.inside; s != nil {
		p.inside = nil
		s.crash()
	}
}

// Crashed ends the exchange that was told of its attempt's end when the code panicked: no connection refers to it any
// more.
func (p *Pool) Crashed() {
	x := p.told
	p.told = nil
	if x != nil {
		x.Crashed()
	}
}

// tellEnd and tellFailure tell an exchange that its attempt is over. Hot path.
func (p *Pool) tellEnd(x Exchange, trailers []semantics.Field) {
	p.told = x
	x.End(trailers)
	p.told = nil
}

func (p *Pool) tellFailure(x Exchange, f Failure) {
	p.told = x
	x.Failed(f)
	p.told = nil
}

func (p *Pool) maxIdle() int {
	if p.MaxIdle > 0 {
		return p.MaxIdle
	}
	return DefaultMaxIdle
}

// silence is in nanoseconds.
func (p *Pool) silence() int64 { return int64(cmp.Or(p.Silence, defaultSilence)) }

func (p *Pool) limits() h1.Limits { return h1.Limits{HeadBytes: p.Config.Limits.HeaderBytes} }

// in is the loop time after so many nanoseconds.
func (p *Pool) in(nanoseconds int64) int64 { return p.Net.Loop.Now() + nanoseconds }
