package loop

// Events tells what a descriptor is ready for. Several may come at once: a readable socket mostly is writable too.
type Events uint8

// Readiness as a poller reports it.
const (
	Readable Events = 1 << iota
	Writable
	// HungUp says that the peer will send nothing more; what it sent before may still be read.
	HungUp
	// Broken says that the connection is dead in both directions: reset or failed. The reason is the socket's pending
	// error, which the next read, write or SO_ERROR yields.
	Broken
)

// event is one report of a poller.
type event struct {
	fd         int32
	generation uint32
	ready      Events
}

// wakeDescriptor stands for the descriptor in an event that only ended a wait.
const wakeDescriptor int32 = -1
