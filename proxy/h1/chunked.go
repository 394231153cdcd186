package h1

// phase of a body. Those of the chunked coding (RFC 9112 §7.1) follow each other in this order.
type phase uint8

const (
	done phase = iota
	counted
	endless
	sizeStart // the first digit of a chunk size
	size      // more digits, or what ends them
	blank     // white space before an extension
	extension
	headLF // of a chunk head
	chunkData
	dataCR // behind chunk data
	dataLF
	trailerStart // a trailer field, or the end
	trailerLine
	lastLF
)

const notHex = 0xff

var hexDigit = func() (t [256]uint8) {
	for i := range t {
		t[i] = notHex
	}
	for i := range uint8(10) {
		t['0'+i] = i
	}
	for i := range uint8(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()

func (body *Body) nextChunked(b []byte) (data []byte, consumed int, err *Error) {
	for i := 0; i < len(b) && body.failed == sound; {
		switch body.phase {
		case chunkData:
			data = body.take(b[i:])
			if body.left == 0 {
				body.phase = dataCR
			}
			return data, i + len(data), nil
		case trailerLine:
			n, d := body.trailer.next(b[i:])
			if d == sound {
				body.phase = done
				return nil, i + n, nil
			}
			if d != incomplete {
				body.failed = d
			}
			i = len(b)
		case done:
			return nil, i, nil
		default:
			i += body.frame(b[i])
		}
	}
	return nil, len(b), body.failed.ofRequest()
}

// frame takes one byte of framing and returns 1, or 0 when the byte belongs to the trailer section.
func (body *Body) frame(c byte) int {
	body.framing++
	switch body.phase {
	case sizeStart, size:
		body.sizeByte(c)
	case blank, extension:
		body.extensionByte(c)
	case headLF:
		body.expect(c, '\n', bareCR)
		body.headDone()
	case dataCR:
		body.expect(c, '\r', badChunkEnd)
		body.phase = dataLF
	case dataLF:
		body.expect(c, '\n', badChunkEnd)
		body.phase = sizeStart
	case lastLF:
		body.expect(c, '\n', bareCR)
		if body.failed == sound {
			body.phase = done
		}
	case trailerStart:
		if c == '\r' {
			body.phase = lastLF
			return 1
		}
		body.phase, body.trailer = trailerLine, new(trailer)
		return 0
	}
	return 1
}

func (body *Body) expect(c, want byte, d defect) {
	if c != want {
		body.failed = d
	}
}

// sizeByte takes a digit of the chunk size, or what follows the digits.
func (body *Body) sizeByte(c byte) {
	if v := hexDigit[c]; v != notHex {
		if body.digits == maxSizeDigits || body.left>>59 != 0 {
			body.failed = hugeChunkSize
		}
		body.left = body.left<<4 | int64(v)
		body.digits++
		body.phase = size
		return
	}
	if body.phase == sizeStart {
		body.failed = noChunkSize
		return
	}
	body.sizeEnd(c)
}

func (body *Body) sizeEnd(c byte) {
	switch c {
	case '\r':
		body.phase = headLF
	case ';':
		body.phase = extension
	case ' ', '\t':
		body.phase = blank
	case '\n':
		body.failed = bareLF
	default:
		body.failed = badChunkSize
	}
}

// extensionByte skips chunk extensions, which nobody uses and which are not forwarded (RFC 9112 §7.1.1). A line feed
// among them is refused above all: proxies that took it for a line end were smuggled through.
func (body *Body) extensionByte(c byte) {
	switch {
	case body.framing > maxExtensionBytes:
		body.failed = longExtension
	case c == '\n':
		body.failed = bareLF
	case body.phase == blank && c == ';':
		body.phase = extension
	case body.phase == blank && c != ' ' && c != '\t':
		body.failed = badExtension
	case c == '\r':
		body.phase = headLF
	case c < ' ' && c != '\t' || c == 0x7f:
		body.failed = badExtension
	}
}

// headDone starts the data of a chunk. Framing is charged against data (compare CVE-2023-39326): a sender may not make
// us read far more bytes than the body that it delivers.
func (body *Body) headDone() {
	body.debt = max(0, body.debt+int64(body.framing)-freeFramingBytes)
	body.debt -= min(body.debt, body.left)
	if body.debt > maxFramingDebt && body.failed == sound {
		body.failed = muchFraming
	}
	body.framing, body.digits, body.phase = 0, 0, chunkData
	if body.left == 0 {
		body.phase = trailerStart
	}
}
