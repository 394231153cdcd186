//go:build !linux

package mp

// deafen cannot be done here: a client that connects between the last accept and the close is reset.
func deafen(int) error { return nil }
