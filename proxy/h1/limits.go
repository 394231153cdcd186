package h1

// Limits bound what a head may ask of us. Zero values stand for the defaults.
type Limits struct {
	HeadBytes   int // of a whole head, with its empty line and the empty lines before it; 32 KiB when zero
	TargetBytes int // of a request target; 8 KiB when zero
	Fields      int // lines of a field section; 100 when zero
}

const (
	defaultHeadBytes   = 32 << 10
	defaultTargetBytes = 8 << 10
	defaultFields      = 100

	// maxEmptyLines before a request line: RFC 9112 §2.2 wants "at least one" tolerated.
	maxEmptyLines = 4

	// maxOptionBytes of all Connection fields together. Every option is compared with every field name: without a limit
	// a head of 32 KiB would cost millions of comparisons.
	maxOptionBytes = 256

	maxSizeDigits     = 16       // of a chunk size: 64 bits
	maxExtensionBytes = 4 << 10  // of one chunk head after its size
	freeFramingBytes  = 16       // of each chunk, never charged: streams of small chunks are honest
	maxFramingDebt    = 16 << 10 // of framing that neither data nor freeFramingBytes paid for
	maxTrailerBytes   = 16 << 10
	maxTrailerFields  = 100
)

func (l *Limits) headBytes() int   { return orDefault(l.HeadBytes, defaultHeadBytes) }
func (l *Limits) targetBytes() int { return orDefault(l.TargetBytes, defaultTargetBytes) }
func (l *Limits) fields() int      { return orDefault(l.Fields, defaultFields) }

func orDefault(n, standard int) int {
	if n > 0 {
		return n
	}
	return standard
}
