package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

// controlOff is the word for no control socket.
const controlOff = "off"

// dialWithin bounds a connection to a socket of this machine.
const dialWithin = time.Second

func controlFlag() cli.Flag {
	return &cli.StringFlag{
		Category: onProcess, Name: "control-socket", EnvVars: []string{envName("control-socket")},
		Usage: "take orders on the unix socket `PATH`, or off", DefaultText: "lb-PORT.sock",
	}
}

// usualControl is the path of the control socket of the balancer on a port, when nothing else is asked for.
func usualControl(port uint16) string {
	return filepath.Join(runtimeDirs()[0], "lb-"+strconv.Itoa(int(port))+".sock")
}

// controlOf finds the usual control socket of the balancer on a port, which may have had another runtime directory.
func controlOf(port uint16) string {
	for _, dir := range runtimeDirs() {
		path := filepath.Join(dir, filepath.Base(usualControl(port)))
		if answers(path) {
			return path
		}
	}
	return usualControl(port)
}

// runtimeDirs are the directories in which control sockets may be, the best one first.
func runtimeDirs() []string {
	var dirs []string
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/run/lb"} {
		if dir != "" && writable(dir) {
			dirs = append(dirs, dir)
		}
	}
	return append(dirs, os.TempDir())
}

func writable(dir string) bool {
	const write, search = 2, 1
	return syscall.Access(dir, write|search) == nil
}

// listenUnix listens on a unix socket that only its owner may open. A socket that nobody listens on any more is replaced;
// whatever else is in its place stays.
func listenUnix(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	// The socket's own mode is that of its name, from the first moment on.
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) }) // only Linux knows it: see below
	}}
	l, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("%s is in the way: not a socket", path)
	case answers(path):
		return fmt.Errorf("%s is in use by a running lb", path)
	}
	return os.Remove(path)
}

// answers reports whether somebody listens on a unix socket.
func answers(path string) bool {
	conn, err := net.DialTimeout("unix", path, dialWithin)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// findControl is the socket of the only lb that runs here.
func findControl() (string, error) {
	var live []string
	for _, dir := range runtimeDirs() {
		found, err := filepath.Glob(filepath.Join(dir, "lb-*.sock"))
		if err != nil {
			return "", err
		}
		for _, path := range found {
			if mine(path) && answers(path) {
				live = append(live, path)
			}
		}
	}
	switch len(live) {
	case 0:
		return "", fmt.Errorf("no running lb found in %v; name its socket with --control-socket", runtimeDirs())
	case 1:
		return live[0], nil
	}
	return "", badUse(fmt.Errorf("several run, choose one with --port or --control-socket: %v", live))
}

// mine leaves out what others have put into a directory that is open to all. Root looks after everybody's.
func mine(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	return known && (os.Getuid() == 0 || int(owner.Uid) == os.Getuid())
}
