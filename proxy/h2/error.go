package h2

import "golang.org/x/net/http2"

// Code says in RST_STREAM and GOAWAY what is wrong (RFC 9113 §7).
type Code = http2.ErrCode

// The codes that the owner of a connection has a use for.
const (
	NoError       = http2.ErrCodeNo
	Cancel        = http2.ErrCodeCancel
	RefusedStream = http2.ErrCodeRefusedStream
)

// Error is a fault of the server. Its scope is one stream, or the connection with all its streams (RFC 9113 §5.4).
type Error struct {
	Code   Code
	Stream uint32 // 0: the connection
	Large  bool   // the field section is larger than allowed
	Detail string // short, lower case
}

// Error is the detail and the code.
func (e *Error) Error() string { return e.Detail + " (" + e.Code.String() + ")" }

func connError(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

func streamError(s *Stream, code Code, detail string) *Error {
	return &Error{Code: code, Stream: s.id, Detail: detail}
}

func protocolError(detail string) *Error { return connError(http2.ErrCodeProtocol, detail) }

func flood(detail string) *Error { return connError(http2.ErrCodeEnhanceYourCalm, detail) }
