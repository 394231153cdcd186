package actors

import (
	"sync"
	"time"

	"lb/messages"
)

// latest is what the actors answered last. It stands in for the answer of one that waits for its restart, so that no counter
// falls meanwhile. It may be used by several goroutines.
type latest struct {
	mu       sync.Mutex
	backends []messages.BackendStatus // nil: there was no answer yet
	config   messages.ConfigStatus    // of generation 0 as long as there was none
}

// keep notes what a picture shows.
func (l *latest) keep(p *picture) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backends, l.config = p.backends, p.config
}

// configStatus is that of the beginning when nobody has told of another one.
func (l *latest) configStatus(started time.Time) messages.ConfigStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.config.Generation == 0 {
		return messages.ConfigStatus{Generation: 1, LastSuccess: started}
	}
	return l.config
}

// statuses are those that were told last, or else what the workers know of the backends.
func (l *latest) statuses(s *messages.Snapshot) []messages.BackendStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.backends != nil || s == nil {
		return l.backends
	}
	all := make([]messages.BackendStatus, 0, len(s.Members))
	for i := range s.Members {
		m := &s.Members[i]
		all = append(all, messages.BackendStatus{
			Backend: m.Backend, Addresses: m.Addresses, State: m.State, Share: m.Share,
		})
	}
	return all
}
