package h1

// Error is a defect of a message. All of them are static: refusing a message allocates nothing, and the same defect is
// always the same pointer.
type Error struct {
	Status int    // that tells the client of it: 400, 414, 417, 431, 501 or 505; always 502 from ParseResponse
	Detail string // short, lower case
}

// Error is the detail.
func (e *Error) Error() string { return e.Detail }

// ErrIncomplete says that the source ended before the body did (RFC 9112 §8).
var ErrIncomplete = &requestErrors[cutShort]

// defect numbers the errors, so that parsing functions return a byte and only the outermost one makes an *Error of it.
type defect uint8

const (
	sound      defect = iota
	incomplete        // not a defect: more bytes are needed

	badMethod
	longTarget
	badTargetByte
	emptyTarget
	badTarget
	badAsterisk
	fragment
	userinfo
	badAuthority
	badVersion
	otherVersion
	badStatusLine
	badStatus

	bareCR
	bareLF
	foldedLine
	emptyName
	spaceBeforeColon
	noColon
	badName
	badValue
	longHead
	manyFields
	manyOptions

	noHost
	manyHosts
	badHost
	manyLengths
	badLength
	hugeLength
	lengthAndCoding
	codingInHTTP10
	badCoding
	unknownCoding
	identityCoding
	chunkedTwice
	chunkedNotLast
	otherExpectation

	noChunkSize
	badChunkSize
	hugeChunkSize
	badExtension
	longExtension
	muchFraming
	badChunkEnd
	longTrailer
	manyTrailers
	cutShort

	defects
)

var requestErrors = [defects]Error{
	badMethod:     {400, "byte outside a token in the method"},
	longTarget:    {414, "request target too long"},
	badTargetByte: {400, "invalid byte in the request target, or no version after it"},
	emptyTarget:   {400, "empty request target"},
	badTarget:     {400, "request target in no known form"},
	badAsterisk:   {400, "asterisk as the target of a method other than OPTIONS"},
	fragment:      {400, "fragment in the request target"},
	userinfo:      {400, "user information in the request target"},
	badAuthority:  {400, "invalid authority in the request target"},
	badVersion:    {400, "malformed protocol version"},
	otherVersion:  {505, "protocol version not supported"},
	badStatusLine: {502, "malformed status line"},
	badStatus:     {502, "status code outside 100 to 999"},

	bareCR:           {400, "carriage return without line feed"},
	bareLF:           {400, "line feed without carriage return"},
	foldedLine:       {400, "line starts with white space"},
	emptyName:        {400, "empty field name"},
	spaceBeforeColon: {400, "space before the colon of a field"},
	noColon:          {400, "field line without a colon"},
	badName:          {400, "byte outside a token in a field name"},
	badValue:         {400, "control byte in a value"},
	longHead:         {431, "head too long"},
	manyFields:       {431, "too many fields"},
	manyOptions:      {431, "connection field too long"},

	noHost:           {400, "no host field"},
	manyHosts:        {400, "several host fields"},
	badHost:          {400, "invalid host field"},
	manyLengths:      {400, "several content-length fields"},
	badLength:        {400, "content-length is not a number"},
	hugeLength:       {400, "content-length overflows"},
	lengthAndCoding:  {400, "content-length together with transfer-encoding"},
	codingInHTTP10:   {400, "transfer-encoding in an http/1.0 message"},
	badCoding:        {400, "malformed transfer-encoding"},
	unknownCoding:    {501, "unknown transfer coding"},
	identityCoding:   {400, "transfer coding identity, which is obsolete"},
	chunkedTwice:     {400, "transfer coding chunked applied twice"},
	chunkedNotLast:   {400, "transfer coding chunked is not the last"},
	otherExpectation: {417, "expectation other than 100-continue"},

	noChunkSize:   {400, "no chunk size"},
	badChunkSize:  {400, "byte other than a hex digit in a chunk size"},
	hugeChunkSize: {400, "chunk size overflows"},
	badExtension:  {400, "malformed chunk extension"},
	longExtension: {400, "chunk extension too long"},
	muchFraming:   {400, "too much chunk framing for so little data"},
	badChunkEnd:   {400, "chunk data not followed by its line end"},
	longTrailer:   {400, "trailer section too long"},
	manyTrailers:  {400, "too many trailer fields"},
	cutShort:      {400, "body cut short"},
}

// responseErrors are the same defects, made by a backend: what the client is told of them is always 502.
var responseErrors = func() (errors [defects]Error) {
	for i, e := range requestErrors {
		errors[i] = Error{502, e.Detail}
	}
	return errors
}()

func (d defect) ofRequest() *Error {
	if d <= incomplete {
		return nil
	}
	return &requestErrors[d]
}

func (d defect) ofResponse() *Error {
	if d <= incomplete {
		return nil
	}
	return &responseErrors[d]
}
