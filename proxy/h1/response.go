package h1

import "lb/proxy/semantics"

// ParseResponse reads the head of a response from the start of b into r, which it resets first (RFC 9112 §4). All
// slices of r lie in b. With headRequest the response answers HEAD and has no body whatever its fields say.
//
// n is the length of the head with its empty line. With n == 0 and no error the head is incomplete: call again with the
// same start and more bytes. r has no meaning then. Every error has status 502. Limits.TargetBytes is not used.
func ParseResponse(b []byte, r *semantics.Response, headRequest bool, lim *Limits) (n int, err *Error) {
	r.Reset()
	head := b[:min(len(b), lim.headBytes())]
	n, d := parseResponse(head, r, headRequest, lim)
	if d == incomplete && len(b) > len(head) {
		d = longHead
	}
	return n, d.ofResponse()
}

func parseResponse(b []byte, r *semantics.Response, headRequest bool, lim *Limits) (n int, d defect) {
	i, d := statusLine(b, r)
	if d != sound {
		return 0, d
	}
	s := section{fields: r.Fields}
	n, d = s.parse(b, i, lim.fields())
	r.Fields = s.fields
	if d != sound {
		return 0, d
	}
	if d = concludeResponse(r, &s, headRequest); d != sound {
		return 0, d
	}
	return n, sound
}

// statusLine reads HTTP-version SP status-code [ SP [ reason-phrase ] ] CRLF (RFC 9112 §4). The second space is
// required by the grammar but left out by some servers that have no phrase to send.
func statusLine(b []byte, r *semantics.Response) (next int, d defect) {
	if r.Version, d = version(b, 0); d != sound {
		return 0, d
	}
	if r.Version == 0 {
		return 0, otherVersion
	}
	if r.Status, d = statusCode(b[versionLength:]); d != sound {
		return 0, d
	}
	i := versionLength + len(" 200")
	if i < len(b) && b[i] == ' ' {
		end := valueEnd(b, i+1)
		r.Reason = b[i+1 : end : end]
		i = end
	} else if i < len(b) && b[i] != '\r' && b[i] != '\n' {
		return 0, badStatusLine
	}
	if d = lineEnd(b, i); d != sound {
		return 0, d
	}
	return i + 2, sound
}

// statusCode reads SP 3DIGIT.
func statusCode(b []byte) (status int, d defect) {
	for i := range len(" 200") {
		switch {
		case i == len(b):
			return 0, incomplete
		case i == 0 && b[i] != ' ', i > 0 && !isDigit(b[i]):
			return 0, badStatusLine
		case i == 1 && b[i] == '0':
			return 0, badStatus
		case i > 0:
			status = status*10 + int(b[i]-'0')
		}
	}
	return status, sound
}

// concludeResponse draws from the whole head what no single line tells. The framing fields are judged even where there
// is no body: a server that gets them wrong there is not one to reuse a connection of.
func concludeResponse(r *semantics.Response, s *section, headRequest bool) defect {
	r.Length = semantics.UntilClose
	if s.seen&framingKinds != 0 {
		var d defect
		if r.Length, d = bodyLength(r.Version, s); d != sound {
			return d
		}
	}
	r.HasDate = s.seen.has(semantics.Date)
	keepAlive, d := s.connection(r.Version)
	if !semantics.BodyAllowed(headRequest, r.Status) {
		// RFC 9110 §8.6, RFC 9112 §6.1: nothing may announce a body where none can be. One that comes all the same
		// would be taken for the next response.
		keepAlive = keepAlive && (headRequest || r.Status == 304 || r.Length == 0 || r.Length == semantics.UntilClose)
		r.Length = 0
	}
	r.KeepAlive = keepAlive && r.Length != semantics.UntilClose
	return d
}
