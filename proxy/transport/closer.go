package transport

// closer is the user of a connection that has none any more: it is closed once its queue is empty.
type closer struct{ conn *Conn }

// Connected implements User.
func (c closer) Connected() {}

// Readable implements User. What comes is of no interest, and stays in the kernel.
func (c closer) Readable() {}

// Flushed implements User.
func (c closer) Flushed() { c.conn.Close() }

// Broken implements User.
func (c closer) Broken(error) { c.conn.Close() }

// Late implements User.
func (c closer) Late() { c.conn.Close() }

// Crashed implements User.
func (c closer) Crashed() { c.conn.Close() }
