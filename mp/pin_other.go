//go:build !linux

package mp

import "errors"

// Pin is not possible here.
func Pin(int) error { return errors.New("pin: this system cannot keep a process on a CPU") }
