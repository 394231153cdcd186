package mp

import (
	"fmt"
	"syscall"

	"lb/messages"
)

// Start is what a new process is and what it inherits.
type Start struct {
	// Path of the file that is run.
	Path string
	// Args of it, its name first.
	Args []string
	// Env are variables that are set beside, or instead of, those of this process.
	Env  []string
	Role Role
	// Sockets are listening sockets, which stay the caller's, by what they are for.
	Sockets map[string][]int
	// Reaper is the pipe to the first process of a container; 0: none.
	Reaper int
}

// Child is a process that was started here. It may be used by several goroutines.
type Child struct {
	// PID is its number.
	PID int
	// Link to it. It is the caller's to close.
	Link *Link
	// Ready is what a successor said when it served.
	Ready messages.Ready

	process process
	done    chan struct{}
	exit    Exit
}

// Run starts a process. spawn is what this process starts goroutines with.
func Run(s Start, spawn Spawn) (*Child, error) { return kernel().run(s, spawn) }

func (sys system) run(s Start, spawn Spawn) (*Child, error) {
	ours, theirs, err := sys.pair()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Path, err)
	}
	p, err := sys.launch(s, theirs)
	_ = sys.close(theirs) // the child has its own
	if err != nil {
		_ = sys.close(ours)
		return nil, fmt.Errorf("start %s: %w", s.Path, err)
	}
	c := &Child{PID: p.Number(), process: p, done: make(chan struct{})}
	spawn("wait for a process", c.wait)
	if c.Link, err = newLink(sys, ours, spawn); err != nil {
		c.Kill()
		return nil, err
	}
	return c, nil
}

func (sys system) launch(s Start, link int) (process, error) {
	inheritance, table := bequest(s, link)
	env, err := environment(s, inheritance)
	if err != nil {
		return nil, err
	}
	return sys.start(s.Path, s.Args, &syscall.ProcAttr{Env: env, Files: table})
}

// Done is closed when the process has ended and is out of the system's table.
func (c *Child) Done() <-chan struct{} { return c.done }

// Exit is how it ended. Call it when Done is closed.
func (c *Child) Exit() Exit { return c.exit }

// Signal sends a signal. One that has ended is no error.
func (c *Child) Signal(s syscall.Signal) { _ = c.process.Signal(s) }

// Kill ends it at once and waits for that.
func (c *Child) Kill() {
	c.Signal(syscall.SIGKILL)
	<-c.done
}

func (c *Child) wait() {
	defer close(c.done)
	var err error
	if c.exit, err = c.process.Wait(); err != nil {
		c.exit = Exit{Code: -1}
	}
}
