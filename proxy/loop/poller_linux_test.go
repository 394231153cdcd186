//go:build !sim

package loop

// descriptors of the poller, the one it waits on first.
func (p *poller) descriptors() []int { return []int{p.epoll, p.eventfd} }
