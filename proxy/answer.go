package proxy

import (
	"lb/messages"
	"lb/proxy/downstream"
	"lb/proxy/semantics"
)

// Our own responses.

// answer is a response that lb itself makes.
type answer struct {
	status int
	reason messages.Reason
	detail string // lower case; may be empty
	allow  string // for an Allow field (RFC 9110 §10.2.1); may be empty
}

// answerFor the reason of a failure, with the status that RFC 9209 recommends for it.
func answerFor(reason messages.Reason, detail string) answer {
	return answer{status: reason.Status(), reason: reason, detail: detail}
}

// write writes the answer to the client, flushes it, and returns the size of its body. Proxy-Status says why (RFC 9209 §2); the
// body says it to people.
func (w *Worker) write(c *downstream.Conn, a answer, headRequest bool) (sent int) {
	f := &w.forward
	f.values = f.values[:0]
	text := f.keep(func(b []byte) []byte { return a.text(b) })
	status := f.keep(func(b []byte) []byte { return a.proxyStatus(b) })
	length := f.keep(func(b []byte) []byte { return number(b, len(text)) })
	r := &w.response
	r.Reset()
	r.Status, r.Version, r.Length = a.status, semantics.HTTP11, int64(len(text))
	r.Fields = append(r.Fields, field(nameDate, w.date()))
	if len(text) > 0 {
		r.Fields = append(r.Fields, field([]byte("Content-Type"), []byte("text/plain; charset=utf-8")))
	}
	r.Fields = append(r.Fields,
		semantics.Field{Name: []byte("Content-Length"), Value: length, Kind: semantics.ContentLength})
	if a.reason != messages.NoReason {
		r.Fields = append(r.Fields, field([]byte("Proxy-Status"), status))
	}
	if a.allow != "" {
		r.Fields = append(r.Fields, field([]byte("Allow"), []byte(a.allow)))
	}
	r.Fields = append(r.Fields, a.comeAgain()...)
	c.LastIfUnread()
	c.Respond(r)
	if !headRequest && len(text) > 0 {
		sent = len(text)
		c.Data(text)
	}
	c.End(nil)
	c.FlushLast()
	return sent
}

// keep appends to the bytes that the forwarder owns and returns what was appended.
func (f *forwarder) keep(with func([]byte) []byte) []byte {
	start := len(f.values)
	f.values = with(f.values)
	return f.values[start:]
}

func (a answer) text(b []byte) []byte {
	if a.reason == messages.NoReason {
		return b
	}
	b = number(b, a.status)
	b = append(append(b, ' '), a.reason.String()...)
	if a.detail != "" {
		b = append(append(b, ": "...), a.detail...)
	}
	return append(b, '\n')
}

// proxyStatus is a list of one item with a parameter (RFC 9209 §2.1). The details are ours: no quote or backslash in them.
func (a answer) proxyStatus(b []byte) []byte {
	b = append(append(b, pseudonym+"; error="...), a.reason.String()...)
	if a.detail != "" {
		b = append(append(append(b, `; details="`...), a.detail...), '"')
	}
	return b
}
