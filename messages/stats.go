package messages

// Stats are the counters of one worker since it first started. All but Active only grow.
type Stats struct {
	// Accepted and Refused count client connections: taken, and turned away by a limit.
	Accepted, Refused uint64
	// Active is how many client connections are open now.
	Active int64
	// Requests counts exchanges that are over by the class of the status sent, status/100; 0 is those that got none.
	Requests [6]uint64
	// Retries counts attempts after the first one of an exchange.
	Retries uint64
	// Faults counts connections that were closed because their code panicked.
	Faults uint64
	// BytesIn came from clients, BytesOut went to them, heads included.
	BytesIn, BytesOut uint64
}

// Add returns the sum of both, such as over the workers or over the lives of one worker.
func (s Stats) Add(other Stats) Stats {
	s.Accepted += other.Accepted
	s.Refused += other.Refused
	s.Active += other.Active
	for class := range s.Requests {
		s.Requests[class] += other.Requests[class]
	}
	s.Retries += other.Retries
	s.Faults += other.Faults
	s.BytesIn += other.BytesIn
	s.BytesOut += other.BytesOut
	return s
}

// Total is the number of exchanges of all classes.
func (s Stats) Total() uint64 {
	var sum uint64
	for _, n := range s.Requests {
		sum += n
	}
	return sum
}

// PoolStats are the counters of the backend connections of one worker. Open and Idle are present numbers, the others only
// grow.
type PoolStats struct {
	// Open are all connections, Idle those that wait for an exchange.
	Open, Idle int64
	// Connects counts connections that were begun, Reuses exchanges that found one waiting, Failures attempts that failed.
	Connects, Reuses, Failures uint64
}

// Add returns the sum of both.
func (s PoolStats) Add(other PoolStats) PoolStats {
	s.Open += other.Open
	s.Idle += other.Idle
	s.Connects += other.Connects
	s.Reuses += other.Reuses
	s.Failures += other.Failures
	return s
}
