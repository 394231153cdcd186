package proxy

// Fatal is the value of a panic after which the whole worker cannot be trusted, not only a connection: it is restarted.
type Fatal string

// Error is the text.
func (f Fatal) Error() string { return string(f) }
