package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"lb/actors"
	"lb/messages"
)

// socketAddress is where a server of ours listens; the zero value is nowhere.
type socketAddress struct{ network, address string }

// parseSocketAddress reads host:port, or unix: and a path.
func parseSocketAddress(subject, s string) (socketAddress, error) {
	if s == "" {
		return socketAddress{}, nil
	}
	if path, found := strings.CutPrefix(s, "unix:"); found && path != "" {
		return socketAddress{"unix", path}, nil
	}
	fault := &messages.InvalidError{Subject: subject, Word: s, Why: "not host:port or unix:path"}
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if _, onlyPort := strconv.ParseUint(s, 10, 16); onlyPort == nil {
		fault.Nearest = "127.0.0.1:" + s
	}
	if err != nil {
		return socketAddress{}, fault
	}
	return socketAddress{"tcp", s}, nil
}

// doors are the sockets by which a balancer shows itself and takes orders.
type doors struct {
	pages   net.Listener // nil: /metrics on the traffic port
	control net.Listener // nil: no orders
	log     *logbook
}

// doorSettings say where the doors are.
type doorSettings struct {
	admin   socketAddress // zero: /metrics on the traffic port
	control string        // path; "" for the usual one, or controlOff
}

// openDoors opens what the settings ask for. The usual control socket is a convenience: a balancer that cannot have it
// says so and serves.
func openDoors(s doorSettings, port uint16, log *logbook, from *predecessor) (*doors, error) {
	d := &doors{log: log}
	var err error
	if d.pages, err = inheritedDoor(from.sockets(forPages)); err != nil {
		return nil, err
	}
	if d.control, err = inheritedDoor(from.sockets(forControl)); err != nil {
		return nil, err
	}
	if d.pages == nil {
		if d.pages, err = s.admin.listen(); err != nil {
			return nil, fmt.Errorf("--admin: %w", err)
		}
	}
	if s.control == controlOff || d.control != nil {
		return d, nil
	}
	return d, d.openControl(s.control, port)
}

// listen returns nil for nowhere.
func (a socketAddress) listen() (net.Listener, error) {
	switch a.network {
	case "unix":
		return listenUnix(a.address)
	case "tcp":
		return net.Listen("tcp", a.address)
	}
	return nil, nil
}

func (d *doors) openControl(asked string, port uint16) (err error) {
	path := asked
	if path == "" {
		path = usualControl(port)
	}
	d.control, err = listenUnix(path)
	switch {
	case err != nil && asked != "":
		d.close()
		return fmt.Errorf("--control-socket: %w", err)
	case err != nil:
		d.log.Warn().Str("logger", "lb").Err(err).Msg("no control socket: lb ctl cannot reach this process (see --control-socket)")
	}
	return nil
}

// inheritedDoor is a socket that the process before this one has opened; nil for none.
func inheritedDoor(fds []int) (net.Listener, error) {
	if len(fds) == 0 {
		return nil, nil
	}
	file := os.NewFile(uintptr(fds[0]), "door")
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("an inherited socket: %w", err)
	}
	return l, nil
}

// leave has the sockets' paths stay: another process serves there from now on.
func (d *doors) leave() {
	d.unlink(false)
}

// own has the sockets' paths go with this process.
func (d *doors) own() { d.unlink(true) }

func (d *doors) unlink(onClose bool) {
	for _, l := range []net.Listener{d.pages, d.control} {
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(onClose)
		}
	}
}

// sockets are the descriptors of the doors, by what they are for.
func (d *doors) sockets() map[string][]int {
	all := make(map[string][]int)
	for purpose, l := range map[string]net.Listener{forPages: d.pages, forControl: d.control} {
		c, ok := l.(syscall.Conn)
		if !ok {
			continue
		}
		raw, err := c.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { all[purpose] = []int{int(fd)} })
		}
		if err != nil {
			d.log.Warn().Str("logger", "lb").Err(err).Msg("a socket cannot be handed over")
		}
	}
	return all
}

func (d *doors) options(log *logbook) actors.AdminOptions {
	return actors.AdminOptions{
		Pages: d.pages, Control: d.control, Version: version, Dropped: log.lines.Dropped, SetLevel: log.level.set,
	}
}

func (d *doors) close() {
	for _, l := range []net.Listener{d.pages, d.control} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil {
			d.log.Warn().Str("logger", "lb").Err(err).Msg("a socket did not close")
		}
	}
}
