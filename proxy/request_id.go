package proxy

import (
	"net/netip"
	"strconv"

	"lb/proxy/semantics"
)

// An id by which a request is found again in the logs of all that it passed. It goes to the backend as X-Request-Id when
// every exchange is logged; an id that is in no log of ours would be of no use there. To make one costs 12 ns then, and
// nothing otherwise.

// maxRequestID bounds an id that a trusted peer sends, in bytes. A longer one is replaced.
const maxRequestID = 128

var nameRequestID = []byte("X-Request-Id")

// identify gives the exchange its id: the one that a trusted peer sent, or a new one. r is nil when the request was not
// understood.
func (x *exchange) identify(r *semantics.Request) {
	x.id = x.id[:0]
	if r != nil && x.worker.trusts(x.client.Peer.Addr()) {
		x.id = append(x.id, requestID(r.Fields)...)
	}
	if len(x.id) == 0 {
		x.id = x.worker.appendID(x.id)
	}
}

// requestID is the value of the one X-Request-Id; nil when there is none, or none that can be used.
func requestID(fields []semantics.Field) (id []byte) {
	for i := range fields {
		if fields[i].Kind != semantics.XRequestID {
			continue
		}
		if id != nil || len(fields[i].Value) > maxRequestID {
			return nil
		}
		id = fields[i].Value
	}
	return id
}

// appendID makes an id that no other request has: the moment in which the worker began, in microseconds, its number, and
// how many ids it has made. Hot path.
func (w *Worker) appendID(b []byte) []byte {
	w.identified++
	if len(w.mark) == 0 {
		w.mark = strconv.AppendInt(w.mark, w.loop.Wall().UnixMicro(), 16)
		w.mark = append(strconv.AppendInt(append(w.mark, '-'), int64(w.options.Number), 10), '-')
	}
	return strconv.AppendUint(append(b, w.mark...), w.identified, 16)
}

// trusts reports whether the peer may say on whose behalf it speaks.
func (w *Worker) trusts(peer netip.Addr) bool {
	for i := range w.config.TrustedProxies {
		if w.config.TrustedProxies[i].Contains(peer) {
			return true
		}
	}
	return false
}
