package messages

import "time"

// What a master and its worker processes say to each other beside Snapshot, Drain, Drained and Outcome.

// Appointed is the first that a worker process is told.
type Appointed struct {
	// Number of the worker, from 0, of so many Workers.
	Number, Workers int
	// Pages says that the master answers GET /metrics on the traffic port: see PageAsked. Otherwise it is forwarded.
	Pages bool
}

// Serving tells that a worker accepts connections, for the first time or again.
type Serving struct{ Worker int }

// Emptied tells that a worker which drains has taken the last connection out of the queues of its sockets. They may be
// closed: nothing that waits in them is lost.
type Emptied struct{ Worker int }

// Beat asks a worker process for a sign of life. Number is returned with it.
type Beat struct{ Number uint64 }

// Alive is the sign: its event loop still turns. Stats are its counters at that moment.
type Alive struct {
	Number uint64
	Stats  Stats
}

// Lend has a worker process accept from the socket of a neighbour who is away, too. The descriptor comes with it.
// Socket is the name that Reclaim, which ends that, goes by.
type Lend struct{ Socket int }

// Accept has a worker process, one of so many Workers from now on, accept from other sockets than before. Their
// descriptors come with it.
type Accept struct{ Workers int }

// Reclaim ends what Lend began.
type Reclaim struct{ Socket int }

// PageAsked asks a master for what it answers to a GET of Path on the traffic port.
type PageAsked struct {
	Number uint64
	Path   string
}

// Page answers PageAsked of the same Number.
type Page struct {
	Number uint64
	Status int
	Type   string
	Body   []byte
}

// ChangeLevel orders another log level, by its word.
type ChangeLevel struct{ Level string }

// ReopenLog orders that log files are opened again by their names: they were moved away.
type ReopenLog struct{}

// ConnectionsMoved hands over connections of clients that wait for their next request. Their descriptors come with it,
// in no order.
type ConnectionsMoved struct{}

// TunnelMoved hands a tunnel over: two connections between which bytes of another protocol are relayed, and none waits
// to be sent. The descriptors of the client's and of the backend's come with it, in this order.
type TunnelMoved struct {
	// Backend is the ID.
	Backend string
	// Head is that of the request which began it, as it came; RequestID its id, empty where none was made.
	Head      []byte
	RequestID string
	// Began is when the request came, FirstByte how long after that the response did.
	Began     time.Time
	FirstByte time.Duration
	// Attempts counts those of the request; Received and Sent are bytes of the tunnel, from and to the client.
	Attempts       int
	Received, Sent int64
}

// Moved is what hands connections over: ConnectionsMoved or TunnelMoved.
type Moved interface {
	// Holds reports whether so many descriptors may come with it.
	Holds(descriptors int) bool
}

// Holds implements Moved.
func (ConnectionsMoved) Holds(int) bool { return true }

// Holds implements Moved.
func (TunnelMoved) Holds(descriptors int) bool { return descriptors == 2 }

// Withdraw orders that readiness turns false, and nothing else: new clients should be sent elsewhere.
type Withdraw struct{}

// BackendRecord is what a process knows of a backend, for the one that takes over.
type BackendRecord struct {
	// ID is that of the Backend.
	ID string
	// State is Up or Down, as the evidence has it: an order to drain is in Drained.
	State State
	// Since is when it came into that state, Why what led there.
	Since time.Time
	Why   string
	// Drained and Weight are by order; Configured is the weight of the configuration that Weight was to replace. Weight is
	// 0 without an order.
	Drained            bool
	Weight, Configured int
	// Passed and Failed count probes, Changes the changes of state.
	Passed, Failed, Changes uint64
}

// BackendsRecorded asks for the records of all backends; the answer is a []BackendRecord.
type BackendsRecorded struct{}

// HandedOver is the first that a new process is told by the one that it is to replace.
type HandedOver struct {
	Backends []BackendRecord
	// Upgrades counts the upgrades so far by their result.
	Upgrades Upgrades
	// Workers is how many there are by order; 0: as many as the configuration says.
	Workers int
}

// Ready tells the old process that the new one serves.
type Ready struct {
	// Takes names the kinds of Moved that the new process knows. It may be of another version, an older one too: what it
	// does not know it cannot serve.
	Takes []string
}

// Unfit tells the old process why the new one gives up.
type Unfit struct{ Why string }
