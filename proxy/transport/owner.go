package transport

// Look has the next Read ask the kernel, though no event has told of bytes: just before something is sent that must not be
// sent to nobody.
func (c *Conn) Look() { c.status |= readable }

// Pass makes u what the connection belongs to from now on: its protocol is known only once it stands.
func (c *Conn) Pass(u User) { c.user = u }
