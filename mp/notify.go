package mp

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// notifyWithin bounds a word to a service manager that does not read.
const notifyWithin = time.Second

// Manager is the service manager that watches this process, by the protocol of sd_notify(3). The zero value is nobody.
type Manager struct {
	address string
	// Watchdog is how long the manager waits for a sign of life; 0: for ever.
	Watchdog time.Duration
}

// FindManager reads from the environment who manages this process.
func FindManager() Manager {
	m := Manager{address: os.Getenv("NOTIFY_SOCKET")}
	if m.address == "" {
		return Manager{}
	}
	if whose := os.Getenv("WATCHDOG_PID"); whose == "" || whose == strconv.Itoa(os.Getpid()) {
		if us, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
			m.Watchdog = time.Duration(us) * time.Microsecond
		}
	}
	return m
}

// Ready says that this process serves, and how it fares in a line for a person.
func (m Manager) Ready(status string) error { return m.say("READY=1", "STATUS="+status) }

// Reloading says that the configuration is read anew; Ready must follow.
func (m Manager) Reloading() error {
	var now unix.Timespec
	if err := monotonic(&now); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return m.say("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
}

// Stopping says that this process is about to end.
func (m Manager) Stopping(status string) error { return m.say("STOPPING=1", "STATUS="+status) }

// Main says which process takes the place of this one.
func (m Manager) Main(pid int) error { return m.say("MAINPID=" + strconv.Itoa(pid)) }

// Alive is the sign of life.
func (m Manager) Alive() error { return m.say("WATCHDOG=1") }

func (m Manager) say(lines ...string) error {
	if m.address == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(notifyWithin)); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	if _, err := conn.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}
