package messages

// ConfigChanged tells that another configuration holds from now on.
type ConfigChanged struct {
	// Config is valid.
	Config Config
	// Generation grows by one with each configuration that was applied; the one of the start has 1.
	Generation uint64
}
