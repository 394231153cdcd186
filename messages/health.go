package messages

import "time"

// HealthType is how backends are probed.
type HealthType uint8

const (
	// HealthHTTP sends GET requests.
	HealthHTTP HealthType = iota
	// HealthTCP connects and closes.
	HealthTCP
	// HealthOff sends no probes: only requests tell the state of a backend.
	HealthOff
)

// Health is how backends are checked.
type Health struct {
	Type HealthType
	// Path of the request that probes; "/".
	Path string
	// Interval between two probes of a backend, spread by a tenth to both sides; 5 s.
	Interval time.Duration
	// Timeout of a probe; 2 s.
	Timeout time.Duration
	// Fall is how many failures in a row take a backend down, 0: it stays up; 3. Rise is how many successes bring it back; 2.
	Fall, Rise int
	// Lowest and Highest are the statuses of a healthy answer, both included; 100 to 499.
	Lowest, Highest int
}

// DefaultHealth returns the values named at the fields.
func DefaultHealth() Health {
	return Health{
		Path: "/", Interval: 5 * time.Second, Timeout: 2 * time.Second, Fall: 3, Rise: 2, Lowest: 100, Highest: 499,
	}
}
