package transport

// Pass makes u what the connection belongs to from now on: its protocol is known only once it stands.
func (c *Conn) Pass(u User) { c.user = u }
