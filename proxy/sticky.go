package proxy

import (
	"lb/proxy/semantics"
)

// A sticky cookie keeps a client on its backend, whatever the strategy. Its value is a token that is the same in all
// workers and after a restart, and tells nobody the backend's address. When that backend is full, or fails this once,
// the request goes elsewhere and the cookie stays; when it is down, drained or gone, the cookie is replaced.

// badge is the Set-Cookie value that names a backend.
type badge struct {
	name  string // of the cookie; empty: none
	value []byte
}

// tokenDigits of a token: 64 bits in hexadecimal digits.
const tokenDigits = 16

var nameSetCookie = []byte("Set-Cookie")

// newBadge makes the badge of a token. A script has no use for it, and other sites' requests need not come with it.
func newBadge(name string, token uint64) badge {
	if name == "" {
		return badge{}
	}
	value := append([]byte(name), '=')
	for shift := 60; shift >= 0; shift -= 4 {
		value = append(value, "0123456789abcdef"[token>>shift&15])
	}
	return badge{name, append(value, "; Path=/; HttpOnly; SameSite=Lax"...)}
}

// token reads what newBadge has written.
func token(b []byte) (value uint64, ok bool) {
	if len(b) != tokenDigits {
		return 0, false
	}
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			value = value<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			value = value<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return value, true
}

// home is the backend that the request's cookie names, nil when there is none.
func (w *Worker) home(r *semantics.Request) *backend {
	if named, ok := token(cookie(r, w.config.Sticky)); ok {
		return w.chooser.homes[named]
	}
	return nil
}

// settle has the client come back to the backend that answers, unless it belongs to another that can still be used.
func (x *exchange) settle(r *semantics.Response) {
	at := x.backend
	if at.badge.name == "" || x.home == at || x.home != nil && x.worker.balancer.Usable(&x.home.member) {
		return
	}
	r.Fields = append(r.Fields, field(nameSetCookie, at.badge.value))
}
