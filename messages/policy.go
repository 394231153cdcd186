package messages

// HostHeader is which Host a backend sees (RFC 9110 §7.2).
type HostHeader uint8

const (
	// HostAuto keeps the client's Host for clear text backends and names the backend for TLS ones, whose certificate
	// and virtual hosts go by their own name.
	HostAuto HostHeader = iota
	// HostPreserve always keeps the client's Host.
	HostPreserve
	// HostBackend always names the backend.
	HostBackend
)

var hostHeaderWords = []string{"auto", "preserve", "backend"}

// HostHeaders lists the words that ParseHostHeader reads, in the order of the constants. The caller owns the slice.
func HostHeaders() []string { return append([]string(nil), hostHeaderWords...) }

// ParseHostHeader reads "auto", "preserve" or "backend", in any letter case. The error is an *InvalidError.
func ParseHostHeader(s string) (HostHeader, error) {
	i, err := indexOf("host header", s, hostHeaderWords)
	return HostHeader(i), err
}

// String returns the word that ParseHostHeader reads.
func (h HostHeader) String() string { return wordAt(hostHeaderWords, uint8(h)) }

// AccessLog is which exchanges get a log line.
type AccessLog uint8

const (
	// AccessErrors logs the exchanges that failed, and answers of 500 and above.
	AccessErrors AccessLog = iota
	// AccessOff logs none.
	AccessOff
	// AccessOn logs every exchange.
	AccessOn
)

var accessLogWords = []string{"errors", "off", "on"}

// AccessLogs lists the words that ParseAccessLog reads, in the order of the constants. The caller owns the slice.
func AccessLogs() []string { return append([]string(nil), accessLogWords...) }

// ParseAccessLog reads "errors", "off" or "on", in any letter case. The error is an *InvalidError.
func ParseAccessLog(s string) (AccessLog, error) {
	i, err := indexOf("access log", s, accessLogWords)
	return AccessLog(i), err
}

// String returns the word that ParseAccessLog reads.
func (a AccessLog) String() string { return wordAt(accessLogWords, uint8(a)) }
