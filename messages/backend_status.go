package messages

import (
	"net/netip"
	"time"
)

// BackendsAsked asks what is known of all backends; the answer is a []BackendStatus in the order of the last Snapshot. It
// belongs to who asked.
type BackendsAsked struct{}

// BackendStatus is what the control plane knows of one backend.
type BackendStatus struct {
	// Backend has the weight that holds now.
	Backend   Backend
	Addresses []netip.AddrPort
	// State is what workers go by: a backend without an address is Down.
	State State
	// Since is when the backend came into that state, Why what led there: "failures in a row: 3, the last: probe status
	// 500". Why is empty as long as nothing has happened.
	Since time.Time
	Why   string
	// Share is the part of its full share that the backend gets, in percent: below 100 while it starts slowly.
	Share int
	// Passed and Failed count the probes since the backend was configured.
	Passed, Failed uint64
	// Changes counts the changes of state since then.
	Changes uint64
}
