package messages

import "net/netip"

// State is what the control plane knows of a backend.
type State uint8

const (
	// Up: it gets requests.
	Up State = iota
	// Down: it gets probes only.
	Down
	// Draining: it finishes what it has and gets nothing new.
	Draining
)

var stateWords = []string{"up", "down", "draining"}

// String returns "up", "down" or "draining".
func (s State) String() string { return wordAt(stateWords, uint8(s)) }

// Member is one backend as the workers see it.
type Member struct {
	Backend Backend
	// Addresses are all that Backend.Host resolved to, with the port; none when it has not been resolved.
	Addresses []netip.AddrPort
	State     State
	// Share is the part of its full share that the backend gets, in percent: below 100 while it starts slowly. 0 is 100.
	Share int
}

// Snapshot is the whole picture that workers route by. It is built anew for each change and replaces the one before.
type Snapshot struct {
	// Generation grows by one with each Snapshot of a process; a worker ignores one that is not newer than its own.
	Generation uint64
	Config     Config
	// Members are the backends of Config in its order, then those that are draining out of it.
	Members []Member
}
