package mp

import (
	"errors"
	"fmt"
	"io"
	"time"

	"lb/messages"
)

// UpgradeError is why an upgrade failed. The process that was to be replaced can go on: of the new one nothing is left.
type UpgradeError struct {
	Result messages.UpgradeResult
	Err    error
}

// Error implements error.
func (e *UpgradeError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UpgradeError) Unwrap() error { return e.Err }

// Upgrade is what an upgrade needs.
type Upgrade struct {
	Start Start
	// State is told to the new process before anything else.
	State messages.HandedOver
	// Within is how long it may take until it serves.
	Within time.Duration
	// Cancel is closed when there is no use for the new process any more; nil: never.
	Cancel <-chan struct{}
}

var errCancelled = errors.New("the old process ends")

// Do starts the new process and returns it as soon as it serves: from then on the caller has to stop accepting and to
// finish what runs. The error is an *UpgradeError; then the new process was killed, has ended, and nothing has changed.
func (u Upgrade) Do(spawn Spawn) (*Child, error) { return u.do(kernel(), spawn) }

func (u Upgrade) do(sys system, spawn Spawn) (*Child, error) {
	c, err := sys.run(u.Start, spawn)
	if err != nil {
		return nil, &UpgradeError{messages.UpgradeNotStarted, err}
	}
	if err := u.await(c, spawn); err != nil {
		c.Kill()
		c.Link.Close(0)
		return nil, err
	}
	return c, nil
}

// await returns nil when the new process says that it serves.
func (u Upgrade) await(c *Child, spawn Spawn) error {
	if err := c.Link.Send(u.State); err != nil {
		return &UpgradeError{messages.UpgradeNotStarted, err}
	}
	answer := make(chan error, 1)
	spawn("wait for the new process", func() { answer <- c.verdict() })
	late := time.NewTimer(u.Within)
	defer late.Stop()
	select {
	case err := <-answer:
		return err
	case <-u.Cancel:
		return &UpgradeError{messages.UpgradeCancelled, errCancelled}
	case <-late.C:
		return &UpgradeError{messages.UpgradeLate, fmt.Errorf("the new process does not serve after %v", u.Within)}
	}
}

// verdict is what the new process says of itself, or how it ended without a word. One that closes its link and lives on
// says nothing.
func (c *Child) verdict() error {
	for {
		value, rights, err := c.Link.Receive()
		closeAll(c.Link.sys, rights)
		if err != nil {
			<-c.Done()
			return &UpgradeError{messages.UpgradeExited, c.silent(err)}
		}
		switch m := value.(type) {
		case messages.Ready:
			c.Ready = m // before await returns
			return nil
		case messages.Unfit:
			return &UpgradeError{messages.UpgradeRejected, errors.New(m.Why)}
		}
	}
}

func (c *Child) silent(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the new process ended before it served: %v", c.Exit())
	}
	return fmt.Errorf("the new process ended before it served: %v, %w", c.Exit(), err)
}

func closeAll(sys system, fds []int) {
	for _, fd := range fds {
		_ = sys.close(fd) // nobody asked for it
	}
}
