package upstream

import (
	"fmt"
	"strings"

	"lb/proxy/h2"
	"lb/proxy/semantics"
	"lb/proxy/transport"
)

// What sections of fields say, for those who look at the bytes of a connection, where they are compressed.

// showRequest shows the head of a request as it was sent (RFC 9113 §8.3.1).
func (st *Stream) showRequest(r *semantics.Request, target []byte) {
	var host []byte
	fields := make([]semantics.Field, 0, len(r.Fields))
	for _, f := range r.Fields {
		if f.Kind == semantics.Host && host == nil {
			host = f.Value
		}
		if h2.Belongs(&f) {
			fields = append(fields, f)
		}
	}
	st.showSection(fmt.Sprintf("request\n:method: %q\n:authority: %q\n:path: %q\n", r.Method, host, target), fields)
}

func (st *Stream) showResponse(r *semantics.Response) {
	st.showSection(fmt.Sprintf("response\n:status: \"%d\"\n", r.Status), r.Fields)
}

// showSection quotes values: they are the peer's.
func (st *Stream) showSection(what string, fields []semantics.Field) {
	_, secrets := st.session.tcp.Shown()
	b := fmt.Appendf(nil, "stream %d, %s", st.codec.ID(), what)
	for i := range fields {
		name, value := strings.ToLower(string(fields[i].Name)), fmt.Sprintf("%q", fields[i].Value)
		if transport.Secret(name) && !secrets {
			value = "***"
		}
		b = fmt.Appendf(b, "%s: %s\n", name, value)
	}
	st.session.tcp.Note(string(b))
}

// shown reports whether somebody looks.
func (st *Stream) shown() bool {
	shown, _ := st.session.tcp.Shown()
	return shown
}
