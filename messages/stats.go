package messages

import "slices"

// Stats are the counters of one worker since it first started, through all its restarts. All but Active and InFlight only
// grow. A worker counts with plain integers, which it alone touches; what it sends is a copy.
type Stats struct {
	// Accepted and Refused count client connections: taken, and turned away because they could not be served.
	Accepted, Refused uint64
	// Active is how many client connections are open now, InFlight how many exchanges run.
	Active, InFlight int64
	// Requests counts exchanges that are over by method, in the order of Methods, and by the class of the status sent,
	// status/100; class 0 is those that got none.
	Requests [methodCount]Classes
	// Duration is from a request's head to the end of its response, FirstByte to the head of a backend's response. Tunnels
	// are not in Duration: they last as long as their ends like.
	Duration, FirstByte Histogram
	// Answers counts responses that lb made itself, Cuts responses that ended before their end, each by its reason.
	Answers, Cuts ByReason
	// Retries counts attempts after the first one of an exchange.
	Retries uint64
	// Faults counts connections that were closed because their code panicked.
	Faults uint64
	// Restarts counts the workers that took over from one that had failed.
	Restarts uint64
	// BytesIn came from clients, BytesOut went to them: all that the connections carried.
	BytesIn, BytesOut uint64
	// Backends are the counters of each backend of the present configuration, by ID.
	Backends map[string]*BackendStats
}

// Classes counts by the class of a status, status/100; 0 is for what got none.
type Classes [6]uint64

// ByReason counts by Reason.
type ByReason [reasonCount]uint64

// BackendStats are the counters of one backend in one worker. All but InFlight, Open and Idle only grow.
type BackendStats struct {
	// Requests counts attempts by the class of the response; class 0 is those that brought none.
	Requests Classes
	// Failures counts attempts that failed, Retries those that were followed by another one, by the reason.
	Failures, Retries ByReason
	// InFlight is how many attempts run.
	InFlight int64
	// Pool are the connections.
	Pool PoolStats
}

// PoolStats are the counters of connections to backends, of one or of several. Open and Idle are present numbers, the
// others only grow.
type PoolStats struct {
	// Open are all connections, Idle those that wait for an exchange.
	Open, Idle int64
	// Connects counts connections that were begun, Reuses exchanges that found one waiting, Failures attempts that failed.
	Connects, Reuses, Failures uint64
	// Sent went to backends, Received came from them, in bytes.
	Sent, Received uint64
}

// methodWords name the methods that are told apart, in the order of semantics.Method.
var methodWords = [...]string{"_OTHER", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

const methodCount = len(methodWords)

// Methods lists the methods that Stats tells apart; the first is "_OTHER", for all others. The caller owns the slice.
func Methods() []string { return slices.Clone(methodWords[:]) }

// Add returns the sum of both, such as over the workers or over the lives of one worker. It shares nothing with them.
func (s Stats) Add(other Stats) Stats {
	s.Accepted += other.Accepted
	s.Refused += other.Refused
	s.Active += other.Active
	s.InFlight += other.InFlight
	for method := range s.Requests {
		s.Requests[method].add(&other.Requests[method])
	}
	s.Duration.Add(&other.Duration)
	s.FirstByte.Add(&other.FirstByte)
	s.Answers.add(&other.Answers)
	s.Cuts.add(&other.Cuts)
	s.Retries += other.Retries
	s.Faults += other.Faults
	s.Restarts += other.Restarts
	s.BytesIn += other.BytesIn
	s.BytesOut += other.BytesOut
	s.Backends = addBackends(s.Backends, other.Backends)
	return s
}

// Idle returns the counters without what is a present number: what is left of a worker that has ended.
func (s Stats) Idle() Stats {
	s.Active, s.InFlight = 0, 0
	s.Backends = addBackends(s.Backends, nil)
	for _, b := range s.Backends {
		b.InFlight, b.Pool.Open, b.Pool.Idle = 0, 0, 0
	}
	return s
}

// Retain drops the counters of all backends but those of the members. It changes s, which must be the caller's own.
func (s *Stats) Retain(members []Member) {
	keep := make(map[string]bool, len(members))
	for i := range members {
		keep[members[i].Backend.ID()] = true
	}
	for id := range s.Backends {
		if !keep[id] {
			delete(s.Backends, id)
		}
	}
}

// Total is the number of exchanges of all methods and classes.
func (s *Stats) Total() uint64 {
	var sum uint64
	for method := range s.Requests {
		sum += s.Requests[method].Total()
	}
	return sum
}

// Total is the sum over the classes.
func (c *Classes) Total() uint64 {
	var sum uint64
	for _, n := range c {
		sum += n
	}
	return sum
}

func (c *Classes) add(other *Classes) {
	for class, n := range other {
		c[class] += n
	}
}

// Total is the sum over the reasons.
func (r *ByReason) Total() uint64 {
	var sum uint64
	for _, n := range r {
		sum += n
	}
	return sum
}

func (r *ByReason) add(other *ByReason) {
	for reason, n := range other {
		r[reason] += n
	}
}

func addBackends(a, b map[string]*BackendStats) map[string]*BackendStats {
	sum := make(map[string]*BackendStats, max(len(a), len(b)))
	for _, part := range []map[string]*BackendStats{a, b} {
		for id, s := range part {
			if sum[id] == nil {
				sum[id] = &BackendStats{}
			}
			sum[id].add(s)
		}
	}
	return sum
}

func (s *BackendStats) add(other *BackendStats) {
	s.Requests.add(&other.Requests)
	s.Failures.add(&other.Failures)
	s.Retries.add(&other.Retries)
	s.InFlight += other.InFlight
	s.Pool = s.Pool.Add(other.Pool)
}

// Add returns the sum of both.
func (s PoolStats) Add(other PoolStats) PoolStats {
	s.Open += other.Open
	s.Idle += other.Idle
	s.Connects += other.Connects
	s.Reuses += other.Reuses
	s.Failures += other.Failures
	s.Sent += other.Sent
	s.Received += other.Received
	return s
}
