package h2

// Limits bound what a server may ask of us. The zero value stands for the defaults.
type Limits struct {
	// HeadBytes of a field section, counted as RFC 9113 §6.5.2 does, 32 for each field beside its bytes; 32 KiB when
	// zero.
	HeadBytes int
	// Streams at a time, if the server allows as many; 100 when zero (RFC 9113 §6.5.2: not below that).
	Streams int
}

// DefaultStreams is how many streams of a connection are open at a time, unless the server allows fewer.
const DefaultStreams = 100

const (
	defaultHeadBytes = 32 << 10

	maxFields   = 100 // of a section, as in HTTP/1
	fieldCharge = 32  // RFC 7541 §4.1

	// maxFrame is what we take of one frame: the smallest limit that may be set (RFC 9113 §4.2). Larger frames would
	// hold up the other streams.
	maxFrame = 16 << 10
	// maxFragments is how many frames one field section may be cut into, and minBlock the least that its compressed
	// size is limited to: an endless section of CONTINUATION frames is never whole, so no other limit would end it
	// (CVE-2024-27316).
	maxFragments = 32
	minBlock     = 64 << 10

	// tableSize of HPACK in both directions (RFC 7541 §4.2).
	tableSize = 4096

	// tolerance is how many frames in a row may come that bring no exchange on: SETTINGS, PING, empty DATA, resets,
	// interim responses, frames for streams that are over, and types unknown. Each frame that does bring one on pays
	// for paid of them.
	tolerance = 1000
	paid      = 4

	// Windows in bytes. That of the connection is given back as data comes, so that one slow client does not stop the
	// others; that of a stream as its receiver takes them. It begins with firstWindow, and grows up to fullWindow
	// while the receiver keeps up: what may have to be buffered for a slow one is the smaller.
	connWindow  = 1 << 20
	firstWindow = 64 << 10
	fullWindow  = 256 << 10

	initialWindow = 1<<16 - 1 // RFC 9113 §6.9.2
	maxWindow     = 1<<31 - 1 // RFC 9113 §6.9.1
	maxStreamID   = 1<<31 - 1
)

func (l *Limits) headBytes() int { return orDefault(l.HeadBytes, defaultHeadBytes) }

// blockBytes bounds a compressed field section, for which the whole connection pays: twice what one stream pays for.
func (l *Limits) blockBytes() int { return max(2*l.headBytes(), minBlock) }

func (l *Limits) streams() int { return orDefault(l.Streams, DefaultStreams) }

func orDefault(n, standard int) int {
	if n > 0 {
		return n
	}
	return standard
}
