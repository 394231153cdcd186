package h1

import "lb/proxy/semantics"

// ParseRequest reads the head of a request from the start of b into r, which it resets first (RFC 9112 §3). All slices
// of r lie in b.
//
// n is the length of the head with its empty line and with the empty lines before it, of which up to four are skipped.
// With n == 0 and no error the head is incomplete: call again with the same start and more bytes. r has no meaning
// then.
func ParseRequest(b []byte, r *semantics.Request, lim *Limits) (n int, err *Error) {
	r.Reset()
	head := b[:min(len(b), lim.headBytes())]
	n, d := parseRequest(head, r, lim)
	if d == incomplete && len(b) > len(head) {
		d = longHead
	}
	return n, d.ofRequest()
}

func parseRequest(b []byte, r *semantics.Request, lim *Limits) (n int, d defect) {
	i, d := skipEmptyLines(b)
	if d != sound {
		return 0, d
	}
	if i, d = requestLine(b, i, r, lim.targetBytes()); d != sound {
		return 0, d
	}
	s := section{fields: r.Fields}
	n, d = s.parse(b, i, lim.fields())
	r.Fields = s.fields
	if d != sound {
		return 0, d
	}
	if d = concludeRequest(r, &s); d != sound {
		return 0, d
	}
	return n, sound
}

// skipEmptyLines that old clients send after a body (RFC 9112 §2.2).
func skipEmptyLines(b []byte) (i int, d defect) {
	for i < len(b) && i < maxEmptyLines*len("\r\n") && b[i] == '\r' {
		if d := lineEnd(b, i); d != sound {
			return 0, d
		}
		i += 2
	}
	return i, sound
}

// requestLine reads method SP request-target SP HTTP-version CRLF from i on (RFC 9112 §3). The first wrong byte of a
// method is refused at once, so that a TLS hello on a plain port gets its answer without a line end.
func requestLine(b []byte, i int, r *semantics.Request, targetBytes int) (next int, d defect) {
	start := i
	if i = tokenEnd(b, i); i == len(b) {
		return 0, incomplete
	}
	if b[i] != ' ' || i == start {
		return 0, badMethod
	}
	r.Method = b[start:i:i]
	start = i + 1
	i = targetEnd(b, start)
	switch {
	case i-start > targetBytes:
		return 0, longTarget
	case i == len(b):
		return 0, incomplete
	case b[i] != ' ':
		return 0, badTargetByte
	case i == start:
		return 0, emptyTarget
	}
	r.Target = b[start:i:i]
	return requestVersion(b, i+1, r)
}

// requestVersion reads the end of the request line. The target's form is judged after it, so that the preface of
// HTTP/2, whose target is "*", is told that its version is the matter.
func requestVersion(b []byte, i int, r *semantics.Request) (next int, d defect) {
	if r.Version, d = version(b, i); d != sound {
		return 0, d
	}
	i += versionLength
	switch {
	case i < len(b) && b[i] != '\r' && b[i] != '\n':
		return 0, badVersion
	case i+1 >= len(b) || b[i] != '\r' || b[i+1] != '\n':
		return 0, lineEnd(b, i)
	case r.Version == 0:
		return 0, otherVersion
	}
	return i + 2, judgeTarget(r)
}

// Kinds that need a look beyond counting them.
var (
	framingKinds = kindsOf(semantics.ContentLength, semantics.TransferEncoding)
	rareKinds    = kindsOf(semantics.Expect, semantics.TE, semantics.Upgrade)
)

// concludeRequest draws from the whole head what no single line tells.
func concludeRequest(r *semantics.Request, s *section) defect {
	if d := concludeHost(r, s); d != sound {
		return d
	}
	var d defect
	if s.seen&framingKinds != 0 {
		if r.Length, d = bodyLength(r.Version, s); d != sound {
			return d
		}
	}
	if r.KeepAlive, d = s.connection(r.Version); d != sound {
		return d
	}
	if s.seen&rareKinds != 0 {
		return concludeRare(r, s)
	}
	return sound
}

// concludeHost demands exactly one Host field, none being tolerated of HTTP/1.0 (RFC 9112 §3.2).
func concludeHost(r *semantics.Request, s *section) defect {
	switch {
	case s.twice.has(semantics.Host):
		return manyHosts
	case s.seen.has(semantics.Host):
		if r.Host = s.value(semantics.Host); !validAuthority(r.Host) {
			return badHost
		}
	case r.Version != semantics.HTTP10:
		return noHost
	}
	return sound
}

// concludeRare looks at the fields that few requests have. Expectations and upgrades of HTTP/1.0 clients are ignored
// (RFC 9110 §10.1.1, §7.8).
func concludeRare(r *semantics.Request, s *section) defect {
	r.TrailersYes = s.seen.has(semantics.TE) && semantics.HasOption(s.fields, semantics.TE, "trailers")
	if r.Version == semantics.HTTP10 {
		return sound
	}
	r.Upgrade = s.seen.has(semantics.Upgrade) && semantics.HasOption(s.fields, semantics.Connection, "upgrade")
	if !s.seen.has(semantics.Expect) {
		return sound
	}
	r.Expect = true
	for i := range s.fields {
		if f := &s.fields[i]; f.Kind == semantics.Expect && !semantics.EqualFold(f.Value, "100-continue") {
			return otherExpectation
		}
	}
	return sound
}
