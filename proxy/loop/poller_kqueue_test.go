//go:build (darwin || freebsd) && !sim

package loop

// descriptors of the poller, the one it waits on first.
func (p *poller) descriptors() []int { return []int{p.kqueue} }
