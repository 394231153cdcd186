package downstream

// Stuck reports whether the kernel did not take all that a connection had to say.
func (cs *Clients) Stuck() bool {
	for c := cs.first; c != nil; c = c.next {
		if c.tcp.Pending() > 0 {
			return true
		}
	}
	return false
}
