//go:build sim

package sim

import (
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"lb/actors/health"
	"lb/messages"
)

// mode is how a host treats those who connect.
type mode uint8

const (
	listening mode = iota
	refusing
	swallowing // nothing ever comes back
	unroutable // not even the first packet leaves
	resetting  // accepts, and resets at once
)

// host is a backend.
type host struct {
	w       *world
	number  int
	address netip.AddrPort
	backend messages.Backend
	dice    dice
	mode    mode
	lies    int  // percent of its replies
	hasty   bool // it ends idle connections early

	// What the control plane holds of it.
	machine      *health.Machine
	usableFrom   int64 // since when lb may use it; 0: it may not
	unusableFrom int64 // since when it may not, if so
	listed       bool
	drained      bool  // by order
	faulted      int64 // when something last went wrong with it; 0: never
	read         int64 // when lb last read from it
	dialled      int64 // when lb last began a connection to it
}

func (w *world) newHost(number int) *host {
	h := &host{w: w, number: number, dice: newDice(w.seed, -2000-number), listed: true}
	ip := netip.AddrFrom4([4]byte{10, byte(w.kernel.lane), 1, byte(number)})
	h.address = netip.AddrPortFrom(ip, 80)
	h.backend = messages.Backend{Host: "host" + strconv.Itoa(number), Port: 80, Weight: h.dice.between(1, 5)}
	if h.dice.chance(w.profile.two) {
		h.backend.Scheme = messages.H2C
	}
	if h.dice.chance(w.profile.bounded) {
		h.backend.Max = h.dice.between(1, 3)
	}
	h.lies = one(h.dice, 0, w.profile.lies, w.profile.lies*2)
	h.hasty = h.dice.chance(w.profile.hasty)
	h.machine = health.New(w.rules(), w.wall())
	if h.dice.chance(w.profile.flaky) {
		h.flaps()
	}
	return h
}

// flaps changes the mode now and then.
func (h *host) flaps() {
	h.w.kernel.agenda.after(h.dice.span(0, 4*time.Second), -2000-h.number, func() {
		h.mode = one(h.dice, listening, listening, refusing, swallowing, unroutable, resetting)
		h.w.trace("host %d changes to mode %d", h.number, h.mode)
		if h.w.busy() {
			h.flaps()
		} else {
			h.mode = listening
		}
	})
}

// fault notes that requests may fail from now on, through no fault of lb.
func (h *host) fault() {
	h.faulted = h.w.kernel.agenda.now
	h.w.faulted = h.faulted
}

// uplink is a connection of the worker to a host, as the worker's end is seen from outside.
type uplink struct {
	host    *host
	service *service
	usable  bool // the host was when the connection was begun
	served  int  // requests whose head was sent on it
	sock    *socket
	tap     *tap     // nil: it is of HTTP/1.1
	session *session // the host's end, of HTTP/2
	// refused are the streams that the host will not look at, each with what lb has to have read to know.
	refused  map[uint32]int
	awayFrom uint32 // nor will it look at those behind this one
	awayAt   int    // what lb has to have read to know; 0: it is not so
	request  *request
	read     int64 // when lb last read from it
}

// dial decides how a connection of the worker fares.
func (w *world) dial(s *socket, to netip.AddrPort) unix.Errno {
	h := w.hostAt(to)
	up := &uplink{host: h, usable: w.usable(h), sock: s, refused: map[uint32]int{}}
	s.owner = up
	if h.backend.Scheme == messages.H2C {
		up.tap = w.newTap(up, s)
	}
	w.trace("lb dials host %d (mode %d)", h.number, h.mode)
	if !up.usable && !w.pickedBefore(h) {
		w.fail("lb dials host %d, which is not to be used", h.number)
	}
	w.dialled(h)
	if h.mode != listening {
		h.fault()
	}
	k := w.kernel
	switch h.mode {
	case unroutable:
		return one(h.dice, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EADDRNOTAVAIL)
	case swallowing:
		limit := w.config.Timeouts.Connect + slack
		k.agenda.after(limit, s.id, func() {
			if !s.closed {
				w.fail("lb waits for a connection to host %d for %v", h.number, limit)
			}
		})
		return 0
	}
	k.agenda.after(s.pace.delay, s.id, func() {
		switch {
		case s.closed:
		case h.mode == refusing:
			h.fault()
			s.refuse(unix.ECONNREFUSED)
		default:
			h.welcomes(s.peer, up)
			stand(s, s.peer)
			if h.mode == resetting {
				h.fault()
				s.peer.abort()
			}
		}
	})
	return 0
}

// pickedBefore reports whether a request may have been promised to a host while it was usable: one that finds no room
// on the connection that it waits for has another one made.
func (w *world) pickedBefore(h *host) bool {
	for _, c := range w.clients {
		waits := c.asked > c.answers && c.requests[c.answers].begun <= h.unusableFrom
		if waits && h.backend.Scheme == messages.H2C {
			return true
		}
	}
	return false
}

// welcomes serves a connection in the version of HTTP that the host speaks.
func (h *host) welcomes(s *socket, up *uplink) {
	if up.tap != nil {
		up.session = h.join(s, up)
		return
	}
	up.service = h.serve(s)
}

// unseen reports whether lb has read that the host will not look at a stream.
func (up *uplink) unseen(stream uint32) bool {
	read := up.sock.read
	at, some := up.refused[stream]
	return some && read >= at || up.awayAt > 0 && read >= up.awayAt && stream > up.awayFrom
}
