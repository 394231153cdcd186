package h2

// window is how much the other side may still send, and what of it is to be given back (RFC 9113 §5.2).
type window struct {
	left int64 // that may come
	owed int64 // that came, was taken, and is not given back
	size int64 // of the whole window
}

func (w *window) open(size int64) { *w = window{left: size, size: size} }

// receive counts n bytes that came, and reports whether they were allowed.
func (w *window) receive(n int64) bool {
	w.left -= n
	return w.left >= 0
}

// take counts n bytes that were taken, and returns by how much the window is to be opened: by what is owed, once that
// is half of it, so that updates are few and the sender need not wait for one.
func (w *window) take(n int64) (increment int64) {
	w.owed += n
	if w.owed < w.size/2 {
		return 0
	}
	increment, w.owed = w.owed, 0
	w.left += increment
	return increment
}

// grow doubles a window up to a limit and returns by how much it is to be opened.
func (w *window) grow(limit int64) (increment int64) {
	increment = min(2*w.size, limit) - w.size
	w.size += increment
	w.left += increment
	return increment
}

// Taken says that the receiver has taken n more bytes of the stream's response. The window opens again when that is
// enough, and grows: bytes that are taken late are the sign of a slow receiver, and come in one Taken with late set.
func (c *Conn) Taken(s *Stream, n int, late bool) {
	if s.id == 0 || s.received {
		return
	}
	increment := s.recv.take(int64(n))
	if increment == 0 {
		return
	}
	if !late {
		increment += s.recv.grow(fullWindow)
	}
	c.updateWindow(s.id, increment)
}

// giveBack counts n bytes as taken that the receiver of the stream does not get: padding.
func (c *Conn) giveBack(s *Stream, n int) {
	if n > 0 {
		c.Taken(s, n, true)
	}
}

func (c *Conn) updateWindow(id uint32, increment int64) {
	_ = c.framer.WriteWindowUpdate(id, uint32(increment))
}

// Window is how many bytes of the stream's body may be sent now.
func (c *Conn) Window(s *Stream) int { return int(max(min(s.send, c.send), 0)) }
