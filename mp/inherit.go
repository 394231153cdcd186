package mp

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// variable of the environment that names the descriptors which a process inherits.
const variable = "LB_INHERITED"

// Role is what a process was started for by another one of lb.
type Role string

const (
	// Worker is a process that runs one worker for a master.
	Worker Role = "worker"
	// Successor is a process that is to replace the one that started it.
	Successor Role = "successor"
)

// Inheritance is what a process has got from the one that started it.
type Inheritance struct {
	Role Role `json:"role"`
	// Sockets are listening sockets by what they are for.
	Sockets map[string][]int `json:"sockets"`
	// Descriptor of the link to the process that started this one.
	Descriptor int `json:"link"`
	// Reaper is the pipe to the first process of a container, which is told who took over; 0: there is none.
	Reaper int `json:"reaper,omitempty"`
}

// Inherited reads what this process has inherited, nil for nothing, and takes it out of the environment, so that no
// process started from here takes it for its own. The descriptors are closed on exec from then on.
func Inherited() (*Inheritance, error) {
	text, there := os.LookupEnv(variable)
	if !there {
		return nil, nil
	}
	if err := os.Unsetenv(variable); err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	i := &Inheritance{}
	if err := json.Unmarshal([]byte(text), i); err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	for _, fd := range i.descriptors() {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, fmt.Errorf("%s: descriptor %d: %w", variable, fd, err)
		}
	}
	return i, nil
}

// Link opens the link to the process that started this one.
func (i *Inheritance) Link(spawn Spawn) (*Link, error) { return newLink(kernel(), i.Descriptor, spawn) }

func (i *Inheritance) descriptors() []int {
	all := []int{i.Descriptor}
	if i.Reaper != 0 {
		all = append(all, i.Reaper)
	}
	for _, fds := range i.Sockets {
		all = append(all, fds...)
	}
	return all
}

// bequest numbers descriptors anew, as a child finds them: the ones of standard input, output and error first, then the
// link, then the others. It returns what the child has to know, and its table of descriptors.
func bequest(s Start, link int) (i Inheritance, table []uintptr) {
	table = []uintptr{0, 1, 2}
	leave := func(fd int) int {
		table = append(table, uintptr(fd))
		return len(table) - 1
	}
	i = Inheritance{Role: s.Role, Descriptor: leave(link), Sockets: make(map[string][]int)}
	if s.Reaper != 0 {
		i.Reaper = leave(s.Reaper)
	}
	for name, fds := range s.Sockets {
		for _, fd := range fds {
			i.Sockets[name] = append(i.Sockets[name], leave(fd))
		}
	}
	return i, table
}

// notInherited are variables that speak of one process alone: of who started it, of the sockets that systemd gave it
// (sd_listen_fds(3)), and of whose signs of life its watchdog expects (sd_watchdog_enabled(3)).
var notInherited = []string{variable, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"}

// environment is that of a child.
func environment(s Start, i Inheritance) ([]string, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("inheritance: %w", err)
	}
	drop := slices.Clone(notInherited)
	for _, entry := range s.Env {
		name, _, _ := strings.Cut(entry, "=")
		drop = append(drop, name)
	}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(drop, name)
	})
	return append(append(env, s.Env...), variable+"="+string(text)), nil
}
