package upstream

// ReadNow reads what has come, without waiting for the event.
func (c *Conn) ReadNow() {
	c.tcp.Look()
	c.Readable()
}
