package messages

// Done answers an order.
type Done struct {
	// Err is why it was not carried out, in one line; nil: it was.
	Err error
	// Text is what came of it, in one line; empty when there is no more to say than that it was carried out.
	Text string
}

// DrainBackend orders that a backend finishes what it has and gets nothing new, until EnableBackend. The answer is a Done;
// its error says that there is no such backend.
type DrainBackend struct{ ID string }

// EnableBackend ends what DrainBackend began: the backend's health has its say again. The answer is a
// Done.
type EnableBackend struct{ ID string }

// WeighBackend gives a backend another weight than its configuration, 1 to MaxWeight; 0 returns to the configured one. It
// holds until the configured weight changes. The answer is a Done.
type WeighBackend struct {
	ID     string
	Weight int
}
